{#- Every table that stands behind a published one, read from dbt's own graph, so that it cannot be out of date. -#}
{%- set rows = [] -%}
{%- if execute -%}
    {%- set roots = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and 'metrics' in node.fqn
        and node.name not in ('table_health', 'quarantine_counts') -%}
        {%- do roots.update({node.name: [node.unique_id]}) -%}
    {%- endfor -%}
    {#- Written between dbt's runs: what suggestions are learnt from, and the models' texts. -#}
    {%- set written = {
        'skill_suggestions': ['int_skill_adopters', 'int_team_installed_skills', 'int_team_windows'],
        'metric_definitions': [],
    } -%}
    {%- for table, models in written.items() -%}
        {%- set found = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name in models -%}
            {%- do found.append(node.unique_id) -%}
        {%- endfor -%}
        {%- do roots.update({table: found}) -%}
    {%- endfor -%}
    {%- for table, ids in roots.items() -%}
        {%- do rows.append((table, 'metrics.' ~ table)) -%}
        {%- set waiting = ids | list -%}
        {%- set seen = [] -%}
        {%- for _ in range(1000) if waiting -%}
            {%- set id = waiting.pop() -%}
            {%- if id not in seen -%}
                {%- do seen.append(id) -%}
                {%- set node = graph.sources[id] if id in graph.sources else graph.nodes[id] -%}
                {%- set name = node.get('identifier') or node.get('alias') or node.name -%}
                {%- set schema = 'metrics' if node.schema == 'build' else node.schema -%}
                {%- if name != table -%}
                    {%- do rows.append((table, schema ~ '.' ~ name)) -%}
                {%- endif -%}
                {%- for parent in node.get('depends_on', {}).get('nodes', []) -%}
                    {%- do waiting.append(parent) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endif -%}
with

lineage as (

    select
        cast(null as text) as table_name,
        cast(null as text) as upstream

    where 1 = 0
    {%- for table, upstream in rows %}

    union all

    select '{{ table }}', '{{ upstream }}'
    {%- endfor %}

)

select distinct
    table_name,
    upstream

from lineage
