"""RabbitMQ: how it is reached, and what is declared there."""
