CREATE TABLE "drizzle_users" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "drizzle_users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "drizzle_posts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "drizzle_posts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "drizzle_posts" ADD CONSTRAINT "drizzle_posts_user_id_drizzle_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."drizzle_users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE POLICY "drizzle own" ON "drizzle_users" AS PERMISSIVE FOR SELECT TO "authenticated" USING (auth.uid() = "drizzle_users"."id");
