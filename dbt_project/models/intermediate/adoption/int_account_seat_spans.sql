with

seats as (

    select * from {{ ref('int_seat_spans') }}

)

{{ merged_spans('seats', ['account_id', 'actor_key']) }}
