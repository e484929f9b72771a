
\restrict Qx7vN2bKd9LrT4sWy1HcZ6mPf3GjU8aEoB5iVtXqMhRkDnYwCzSpLgJuFeA0T2b


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;


CREATE SCHEMA IF NOT EXISTS "public";


ALTER SCHEMA "public" OWNER TO "pg_database_owner";


COMMENT ON SCHEMA "public" IS 'standard public schema';



CREATE EXTENSION IF NOT EXISTS "pg_stat_statements" WITH SCHEMA "extensions";


CREATE EXTENSION IF NOT EXISTS "pg_trgm" WITH SCHEMA "extensions";


CREATE EXTENSION IF NOT EXISTS "pgcrypto" WITH SCHEMA "extensions";


CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "extensions";



CREATE TYPE "public"."PaymentState" AS ENUM (
    'pending',
    'paid',
    'refunded'
);


ALTER TYPE "public"."PaymentState" OWNER TO "postgres";


CREATE TYPE "public"."course_level" AS ENUM (
    'beginner',
    'intermediate',
    'advanced'
);


ALTER TYPE "public"."course_level" OWNER TO "postgres";


CREATE TYPE "public"."enrolment_status" AS ENUM (
    'active',
    'completed',
    'cancelled'
);


ALTER TYPE "public"."enrolment_status" OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."handle_new_student"() RETURNS "trigger"
    LANGUAGE "plpgsql" SECURITY DEFINER
    SET "search_path" TO ''
    AS $$
begin
  insert into public.students (id, full_name)
  values (new.id, coalesce(new.raw_user_meta_data ->> 'full_name', ''));
  insert into public."Notification Settings" (student_id) values (new.id);
  return new;
end;
$$;


ALTER FUNCTION "public"."handle_new_student"() OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."is_enrolled"("course" "uuid") RETURNS boolean
    LANGUAGE "sql" STABLE SECURITY DEFINER
    SET "search_path" TO ''
    AS $$
  select exists (
    select 1 from public.enrolments e
    where e.course_id = course and e.student_id = (select auth.uid()) and e.status <> 'cancelled'
  );
$$;


ALTER FUNCTION "public"."is_enrolled"("course" "uuid") OWNER TO "postgres";


COMMENT ON FUNCTION "public"."is_enrolled"("course" "uuid") IS 'Whether the caller takes the course; for policies';


SET default_tablespace = '';

SET default_table_access_method = "heap";


CREATE TABLE IF NOT EXISTS "public"."courses" (
    "id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL,
    "instructor_id" "uuid" NOT NULL,
    "slug" "text" NOT NULL,
    "title" "text" NOT NULL,
    "summary" "text" DEFAULT ''::"text" NOT NULL,
    "level" "public"."course_level" DEFAULT 'beginner'::"public"."course_level" NOT NULL,
    "is_published" boolean DEFAULT false NOT NULL,
    "price_cents" integer DEFAULT 0 NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    CONSTRAINT "courses_price_cents_check" CHECK (("price_cents" >= 0))
);


ALTER TABLE "public"."courses" OWNER TO "postgres";


COMMENT ON TABLE "public"."courses" IS 'What the academy sells; a course is visible once it is published';



COMMENT ON COLUMN "public"."courses"."price_cents" IS 'Net price; 0 means free';



CREATE OR REPLACE FUNCTION "public"."search_courses"("term" "text") RETURNS SETOF "public"."courses"
    LANGUAGE "sql" STABLE SECURITY DEFINER
    AS $$
  select * from courses where title ilike '%' || term || '%' and is_published;
$$;


ALTER FUNCTION "public"."search_courses"("term" "text") OWNER TO "postgres";


CREATE OR REPLACE FUNCTION "public"."set_updated_at"() RETURNS "trigger"
    LANGUAGE "plpgsql"
    SET "search_path" TO ''
    AS $$
begin
  new.updated_at := now();
  return new;
end;
$$;


ALTER FUNCTION "public"."set_updated_at"() OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."Notification Settings" (
    "student_id" "uuid" NOT NULL,
    "emailDigest" boolean DEFAULT true NOT NULL,
    "pushEnabled" boolean DEFAULT false NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."Notification Settings" OWNER TO "postgres";


COMMENT ON TABLE "public"."Notification Settings" IS 'Named by the first version of the app; it''s kept for its clients';



CREATE TABLE IF NOT EXISTS "public"."certificates" (
    "id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL,
    "enrolment_id" "uuid" NOT NULL,
    "storage_path" "text" NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."certificates" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."coupons" (
    "code" "text" NOT NULL,
    "percent_off" smallint NOT NULL,
    "valid_until" "date",
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    CONSTRAINT "coupons_percent_off_check" CHECK ((("percent_off" >= 1) AND ("percent_off" <= 100)))
);


ALTER TABLE "public"."coupons" OWNER TO "postgres";


CREATE OR REPLACE VIEW "public"."course_catalogue" WITH ("security_invoker"='true') AS
 SELECT "c"."id",
    "c"."slug",
    "c"."title",
    "c"."level",
    "c"."price_cents"
   FROM "public"."courses" "c"
  WHERE "c"."is_published";


ALTER TABLE "public"."course_catalogue" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."enrolments" (
    "id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL,
    "student_id" "uuid" NOT NULL,
    "course_id" "uuid" NOT NULL,
    "status" "public"."enrolment_status" DEFAULT 'active'::"public"."enrolment_status" NOT NULL,
    "completed_at" timestamp with time zone,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."enrolments" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."payments" (
    "id" bigint NOT NULL,
    "enrolment_id" "uuid" NOT NULL,
    "amount_cents" integer NOT NULL,
    "state" "public"."PaymentState" DEFAULT 'pending'::"public"."PaymentState" NOT NULL,
    "provider_ref" "text",
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."payments" OWNER TO "postgres";


CREATE OR REPLACE VIEW "public"."course_revenue" AS
 SELECT "e"."course_id",
    "count"(*) AS "sales",
    "sum"("p"."amount_cents") AS "revenue_cents"
   FROM ("public"."payments" "p"
     JOIN "public"."enrolments" "e" ON (("e"."id" = "p"."enrolment_id")))
  WHERE ("p"."state" = 'paid'::"public"."PaymentState")
  GROUP BY "e"."course_id";


ALTER TABLE "public"."course_revenue" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."instructors" (
    "id" "uuid" NOT NULL,
    "headline" "text" NOT NULL,
    "biography" "text",
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."instructors" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."lesson_progress" (
    "student_id" "uuid" NOT NULL,
    "lesson_id" "uuid" NOT NULL,
    "percent" smallint DEFAULT 0 NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    CONSTRAINT "lesson_progress_percent_check" CHECK ((("percent" >= 0) AND ("percent" <= 100)))
);


ALTER TABLE "public"."lesson_progress" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."lessons" (
    "id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL,
    "module_id" "uuid" NOT NULL,
    "title" "text" NOT NULL,
    "content" "jsonb" DEFAULT '{}'::"jsonb" NOT NULL,
    "duration_minutes" integer,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."lessons" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."modules" (
    "id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL,
    "course_id" "uuid" NOT NULL,
    "title" "text" NOT NULL,
    "position" smallint DEFAULT 0 NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."modules" OWNER TO "postgres";


ALTER TABLE "public"."payments" ALTER COLUMN "id" ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME "public"."payments_id_seq"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);



CREATE TABLE IF NOT EXISTS "public"."reviews" (
    "id" "uuid" DEFAULT "gen_random_uuid"() NOT NULL,
    "course_id" "uuid" NOT NULL,
    "student_id" "uuid" NOT NULL,
    "stars" smallint NOT NULL,
    "comment" "text",
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    CONSTRAINT "reviews_stars_check" CHECK ((("stars" >= 1) AND ("stars" <= 5)))
);


ALTER TABLE "public"."reviews" OWNER TO "postgres";


CREATE TABLE IF NOT EXISTS "public"."students" (
    "id" "uuid" NOT NULL,
    "full_name" "text" DEFAULT ''::"text" NOT NULL,
    "locale" "text" DEFAULT 'en'::"text" NOT NULL,
    "created_at" timestamp with time zone DEFAULT "now"() NOT NULL,
    "updated_at" timestamp with time zone DEFAULT "now"() NOT NULL
);


ALTER TABLE "public"."students" OWNER TO "postgres";


ALTER TABLE ONLY "public"."Notification Settings"
    ADD CONSTRAINT "Notification Settings_pkey" PRIMARY KEY ("student_id");



ALTER TABLE ONLY "public"."certificates"
    ADD CONSTRAINT "certificates_enrolment_id_key" UNIQUE ("enrolment_id");



ALTER TABLE ONLY "public"."certificates"
    ADD CONSTRAINT "certificates_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."coupons"
    ADD CONSTRAINT "coupons_pkey" PRIMARY KEY ("code");



ALTER TABLE ONLY "public"."courses"
    ADD CONSTRAINT "courses_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."courses"
    ADD CONSTRAINT "courses_slug_key" UNIQUE ("slug");



ALTER TABLE ONLY "public"."enrolments"
    ADD CONSTRAINT "enrolments_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."enrolments"
    ADD CONSTRAINT "enrolments_student_course_key" UNIQUE ("student_id", "course_id");



ALTER TABLE ONLY "public"."instructors"
    ADD CONSTRAINT "instructors_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."lesson_progress"
    ADD CONSTRAINT "lesson_progress_pkey" PRIMARY KEY ("student_id", "lesson_id");



ALTER TABLE ONLY "public"."lessons"
    ADD CONSTRAINT "lessons_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."modules"
    ADD CONSTRAINT "modules_course_position_key" UNIQUE ("course_id", "position");



ALTER TABLE ONLY "public"."modules"
    ADD CONSTRAINT "modules_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."payments"
    ADD CONSTRAINT "payments_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."payments"
    ADD CONSTRAINT "payments_provider_ref_key" UNIQUE ("provider_ref");



ALTER TABLE ONLY "public"."reviews"
    ADD CONSTRAINT "reviews_course_student_key" UNIQUE ("course_id", "student_id");



ALTER TABLE ONLY "public"."reviews"
    ADD CONSTRAINT "reviews_pkey" PRIMARY KEY ("id");



ALTER TABLE ONLY "public"."students"
    ADD CONSTRAINT "students_pkey" PRIMARY KEY ("id");



CREATE INDEX "courses_instructor_id_idx" ON "public"."courses" USING "btree" ("instructor_id");



CREATE INDEX "courses_title_trgm_idx" ON "public"."courses" USING "gin" ("title" "extensions"."gin_trgm_ops");



CREATE INDEX "enrolments_course_id_idx" ON "public"."enrolments" USING "btree" ("course_id");



CREATE INDEX "lesson_progress_lesson_id_idx" ON "public"."lesson_progress" USING "btree" ("lesson_id");



CREATE INDEX "lessons_module_id_idx" ON "public"."lessons" USING "btree" ("module_id");



CREATE INDEX "reviews_student_id_idx" ON "public"."reviews" USING "btree" ("student_id");



CREATE OR REPLACE TRIGGER "certificates_set_updated_at" BEFORE UPDATE ON "public"."certificates" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "coupons_set_updated_at" BEFORE UPDATE ON "public"."coupons" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "courses_set_updated_at" BEFORE UPDATE ON "public"."courses" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "enrolments_set_updated_at" BEFORE UPDATE ON "public"."enrolments" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "instructors_set_updated_at" BEFORE UPDATE ON "public"."instructors" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "lesson_progress_set_updated_at" BEFORE UPDATE ON "public"."lesson_progress" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "lessons_set_updated_at" BEFORE UPDATE ON "public"."lessons" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "modules_set_updated_at" BEFORE UPDATE ON "public"."modules" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "notification_settings_set_updated_at" BEFORE UPDATE ON "public"."Notification Settings" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "payments_set_updated_at" BEFORE UPDATE ON "public"."payments" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "reviews_set_updated_at" BEFORE UPDATE ON "public"."reviews" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



CREATE OR REPLACE TRIGGER "students_set_updated_at" BEFORE UPDATE ON "public"."students" FOR EACH ROW EXECUTE FUNCTION "public"."set_updated_at"();



ALTER TABLE ONLY "public"."Notification Settings"
    ADD CONSTRAINT "Notification Settings_student_id_fkey" FOREIGN KEY ("student_id") REFERENCES "public"."students"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."certificates"
    ADD CONSTRAINT "certificates_enrolment_id_fkey" FOREIGN KEY ("enrolment_id") REFERENCES "public"."enrolments"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."courses"
    ADD CONSTRAINT "courses_instructor_id_fkey" FOREIGN KEY ("instructor_id") REFERENCES "public"."instructors"("id") ON DELETE RESTRICT;



ALTER TABLE ONLY "public"."enrolments"
    ADD CONSTRAINT "enrolments_course_id_fkey" FOREIGN KEY ("course_id") REFERENCES "public"."courses"("id") ON DELETE RESTRICT;



ALTER TABLE ONLY "public"."enrolments"
    ADD CONSTRAINT "enrolments_student_id_fkey" FOREIGN KEY ("student_id") REFERENCES "public"."students"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."instructors"
    ADD CONSTRAINT "instructors_id_fkey" FOREIGN KEY ("id") REFERENCES "auth"."users"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."lesson_progress"
    ADD CONSTRAINT "lesson_progress_lesson_id_fkey" FOREIGN KEY ("lesson_id") REFERENCES "public"."lessons"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."lesson_progress"
    ADD CONSTRAINT "lesson_progress_student_id_fkey" FOREIGN KEY ("student_id") REFERENCES "public"."students"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."lessons"
    ADD CONSTRAINT "lessons_module_id_fkey" FOREIGN KEY ("module_id") REFERENCES "public"."modules"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."modules"
    ADD CONSTRAINT "modules_course_id_fkey" FOREIGN KEY ("course_id") REFERENCES "public"."courses"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."payments"
    ADD CONSTRAINT "payments_enrolment_id_fkey" FOREIGN KEY ("enrolment_id") REFERENCES "public"."enrolments"("id") ON DELETE RESTRICT;



ALTER TABLE ONLY "public"."reviews"
    ADD CONSTRAINT "reviews_course_id_fkey" FOREIGN KEY ("course_id") REFERENCES "public"."courses"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."reviews"
    ADD CONSTRAINT "reviews_student_id_fkey" FOREIGN KEY ("student_id") REFERENCES "public"."students"("id") ON DELETE CASCADE;



ALTER TABLE ONLY "public"."students"
    ADD CONSTRAINT "students_id_fkey" FOREIGN KEY ("id") REFERENCES "auth"."users"("id") ON DELETE CASCADE;



CREATE POLICY "Coupons can be looked up" ON "public"."coupons" FOR SELECT TO "authenticated" USING (true);



CREATE POLICY "Instructors are public" ON "public"."instructors" FOR SELECT TO "anon", "authenticated" USING (true);



CREATE POLICY "Instructors edit their courses" ON "public"."courses" FOR UPDATE TO "authenticated" USING (("instructor_id" = ( SELECT "auth"."uid"() AS "uid"))) WITH CHECK (("instructor_id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Instructors edit themselves" ON "public"."instructors" FOR UPDATE TO "authenticated" USING (("id" = ( SELECT "auth"."uid"() AS "uid"))) WITH CHECK (("id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Lessons for enrolled students" ON "public"."lessons" FOR SELECT TO "authenticated" USING (("module_id" IN ( SELECT "m"."id"
   FROM "public"."modules" "m"
  WHERE ( SELECT "public"."is_enrolled"("m"."course_id") AS "is_enrolled"))));



CREATE POLICY "Modules of published courses" ON "public"."modules" FOR SELECT TO "anon", "authenticated" USING (("course_id" IN ( SELECT "c"."id"
   FROM "public"."courses" "c"
  WHERE "c"."is_published")));



ALTER TABLE "public"."Notification Settings" ENABLE ROW LEVEL SECURITY;


CREATE POLICY "Reviews are public" ON "public"."reviews" FOR SELECT TO "anon", "authenticated" USING (true);



CREATE POLICY "Students change reviews" ON "public"."reviews" FOR UPDATE TO "authenticated" USING (("auth"."uid"() = "student_id")) WITH CHECK (("auth"."uid"() = "student_id"));



CREATE POLICY "Students edit themselves" ON "public"."students" FOR UPDATE TO "authenticated" USING (("id" = ( SELECT "auth"."uid"() AS "uid"))) WITH CHECK (("id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Students keep their settings" ON "public"."Notification Settings" TO "authenticated" USING (("student_id" = ( SELECT "auth"."uid"() AS "uid"))) WITH CHECK (("student_id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Students see their certificates" ON "public"."certificates" FOR SELECT TO "authenticated" USING (("enrolment_id" IN ( SELECT "e"."id"
   FROM "public"."enrolments" "e"
  WHERE ("e"."student_id" = ( SELECT "auth"."uid"() AS "uid")))));



CREATE POLICY "Students see their enrolments" ON "public"."enrolments" FOR SELECT TO "authenticated" USING (("student_id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Students see their payments" ON "public"."payments" FOR SELECT TO "authenticated" USING (("enrolment_id" IN ( SELECT "e"."id"
   FROM "public"."enrolments" "e"
  WHERE ("e"."student_id" = ( SELECT "auth"."uid"() AS "uid")))));



CREATE POLICY "Students see themselves" ON "public"."students" FOR SELECT TO "authenticated" USING (("id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Students track progress" ON "public"."lesson_progress" TO "authenticated" USING (("student_id" = ( SELECT "auth"."uid"() AS "uid"))) WITH CHECK (("student_id" = ( SELECT "auth"."uid"() AS "uid")));



CREATE POLICY "Students write reviews" ON "public"."reviews" FOR INSERT TO "authenticated" WITH CHECK ((("student_id" = ( SELECT "auth"."uid"() AS "uid")) AND ( SELECT "public"."is_enrolled"("reviews"."course_id") AS "is_enrolled")));



CREATE POLICY "Users see published and own courses" ON "public"."courses" FOR SELECT TO "authenticated" USING (("is_published" OR ("instructor_id" = ( SELECT "auth"."uid"() AS "uid"))));



CREATE POLICY "Visitors see published courses" ON "public"."courses" FOR SELECT TO "anon" USING ("is_published");



ALTER TABLE "public"."certificates" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."courses" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."enrolments" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."instructors" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."lesson_progress" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."lessons" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."modules" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."payments" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."reviews" ENABLE ROW LEVEL SECURITY;


ALTER TABLE "public"."students" ENABLE ROW LEVEL SECURITY;


ALTER PUBLICATION "supabase_realtime" OWNER TO "postgres";


ALTER PUBLICATION "supabase_realtime" ADD TABLE ONLY "public"."lesson_progress";


GRANT USAGE ON SCHEMA "public" TO "postgres";
GRANT USAGE ON SCHEMA "public" TO "anon";
GRANT USAGE ON SCHEMA "public" TO "authenticated";
GRANT USAGE ON SCHEMA "public" TO "service_role";



REVOKE ALL ON FUNCTION "public"."handle_new_student"() FROM PUBLIC;
GRANT ALL ON FUNCTION "public"."handle_new_student"() TO "service_role";



REVOKE ALL ON FUNCTION "public"."is_enrolled"("course" "uuid") FROM PUBLIC;
GRANT ALL ON FUNCTION "public"."is_enrolled"("course" "uuid") TO "authenticated";
GRANT ALL ON FUNCTION "public"."is_enrolled"("course" "uuid") TO "service_role";



GRANT ALL ON TABLE "public"."courses" TO "anon";
GRANT ALL ON TABLE "public"."courses" TO "authenticated";
GRANT ALL ON TABLE "public"."courses" TO "service_role";



GRANT ALL ON FUNCTION "public"."search_courses"("term" "text") TO "anon";
GRANT ALL ON FUNCTION "public"."search_courses"("term" "text") TO "authenticated";
GRANT ALL ON FUNCTION "public"."search_courses"("term" "text") TO "service_role";



GRANT ALL ON FUNCTION "public"."set_updated_at"() TO "anon";
GRANT ALL ON FUNCTION "public"."set_updated_at"() TO "authenticated";
GRANT ALL ON FUNCTION "public"."set_updated_at"() TO "service_role";



GRANT ALL ON TABLE "public"."Notification Settings" TO "anon";
GRANT ALL ON TABLE "public"."Notification Settings" TO "authenticated";
GRANT ALL ON TABLE "public"."Notification Settings" TO "service_role";



GRANT ALL ON TABLE "public"."certificates" TO "anon";
GRANT ALL ON TABLE "public"."certificates" TO "authenticated";
GRANT ALL ON TABLE "public"."certificates" TO "service_role";



GRANT ALL ON TABLE "public"."coupons" TO "anon";
GRANT ALL ON TABLE "public"."coupons" TO "authenticated";
GRANT ALL ON TABLE "public"."coupons" TO "service_role";



GRANT ALL ON TABLE "public"."course_catalogue" TO "anon";
GRANT ALL ON TABLE "public"."course_catalogue" TO "authenticated";
GRANT ALL ON TABLE "public"."course_catalogue" TO "service_role";



GRANT ALL ON TABLE "public"."enrolments" TO "anon";
GRANT ALL ON TABLE "public"."enrolments" TO "authenticated";
GRANT ALL ON TABLE "public"."enrolments" TO "service_role";



GRANT ALL ON TABLE "public"."payments" TO "anon";
GRANT ALL ON TABLE "public"."payments" TO "authenticated";
GRANT ALL ON TABLE "public"."payments" TO "service_role";



GRANT ALL ON TABLE "public"."course_revenue" TO "anon";
GRANT ALL ON TABLE "public"."course_revenue" TO "authenticated";
GRANT ALL ON TABLE "public"."course_revenue" TO "service_role";



GRANT ALL ON TABLE "public"."instructors" TO "anon";
GRANT ALL ON TABLE "public"."instructors" TO "authenticated";
GRANT ALL ON TABLE "public"."instructors" TO "service_role";



GRANT ALL ON TABLE "public"."lesson_progress" TO "anon";
GRANT ALL ON TABLE "public"."lesson_progress" TO "authenticated";
GRANT ALL ON TABLE "public"."lesson_progress" TO "service_role";



GRANT ALL ON TABLE "public"."lessons" TO "anon";
GRANT ALL ON TABLE "public"."lessons" TO "authenticated";
GRANT ALL ON TABLE "public"."lessons" TO "service_role";



GRANT ALL ON TABLE "public"."modules" TO "anon";
GRANT ALL ON TABLE "public"."modules" TO "authenticated";
GRANT ALL ON TABLE "public"."modules" TO "service_role";



GRANT ALL ON SEQUENCE "public"."payments_id_seq" TO "anon";
GRANT ALL ON SEQUENCE "public"."payments_id_seq" TO "authenticated";
GRANT ALL ON SEQUENCE "public"."payments_id_seq" TO "service_role";



GRANT ALL ON TABLE "public"."reviews" TO "anon";
GRANT ALL ON TABLE "public"."reviews" TO "authenticated";
GRANT ALL ON TABLE "public"."reviews" TO "service_role";



GRANT ALL ON TABLE "public"."students" TO "anon";
GRANT ALL ON TABLE "public"."students" TO "authenticated";
GRANT ALL ON TABLE "public"."students" TO "service_role";



ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON SEQUENCES  TO "postgres";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON SEQUENCES  TO "anon";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON SEQUENCES  TO "authenticated";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON SEQUENCES  TO "service_role";



ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON FUNCTIONS  TO "postgres";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON FUNCTIONS  TO "anon";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON FUNCTIONS  TO "authenticated";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON FUNCTIONS  TO "service_role";



ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON TABLES  TO "postgres";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON TABLES  TO "anon";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON TABLES  TO "authenticated";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON TABLES  TO "service_role";



\unrestrict Qx7vN2bKd9LrT4sWy1HcZ6mPf3GjU8aEoB5iVtXqMhRkDnYwCzSpLgJuFeA0T2b

RESET ALL;
