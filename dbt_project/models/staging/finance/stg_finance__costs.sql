select
    month,
    category,
    amount_cents

from {{ source('finance', 'costs') }}

where {{ day_start('month') }} < {{ as_of() }}
