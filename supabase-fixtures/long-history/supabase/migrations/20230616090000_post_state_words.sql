alter type public.post_state rename value 'new' to 'draft';
alter type public.post_state rename value 'gone' to 'archived';
alter type public.post_state rename to publication_state;
alter index public.posts_by_user rename to posts_user_id_idx;
alter index public.comments_by_post rename to comments_post_id_idx;
