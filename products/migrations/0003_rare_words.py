"""Which words of a search few products hold, so that the index finds them quickly."""

from django.db import migrations

RARE_WORDS = """
-- As products_search_query, without the words that more than 2 % of the products hold; NULL when
-- none is left. By the statistics that ANALYZE keeps: without them every word counts as rare. They
-- tell little of how many words begin in some way, so a short beginning counts as common.
CREATE FUNCTION public.products_rare_words(text) RETURNS tsquery
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
    WITH common AS (
        SELECT
            unnest(most_common_elems::text::text[]) AS word,
            unnest(most_common_elem_freqs) AS share
        FROM pg_catalog.pg_stats
        WHERE schemaname = 'public' AND tablename = 'products_product' AND attname = 'search'
    ), asked AS (
        SELECT word, place = max(place) OVER () AS is_last
        FROM regexp_split_to_table(public.products_search_words($1), '\\s+')
            WITH ORDINALITY AS words (word, place)
        WHERE word <> ''
    )
    SELECT to_tsquery(
        'pg_catalog.simple',
        string_agg('''' || word || CASE WHEN is_last THEN ''':*' ELSE '''' END, ' & ')
    )
    FROM asked
    WHERE NOT (is_last AND length(word) <= 3) AND 0.02 > (
        SELECT coalesce(sum(share), 0) FROM common
        WHERE common.word = asked.word OR asked.is_last AND starts_with(common.word, asked.word)
    )
$$;
"""
NO_RARE_WORDS = "DROP FUNCTION public.products_rare_words(text);"


class Migration(migrations.Migration):
    dependencies = [("products", "0002_quicker_writes")]

    operations = [migrations.RunSQL(RARE_WORDS, NO_RARE_WORDS)]
