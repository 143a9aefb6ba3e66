"""THE_BOT's backend: a small web application on asyncio, without third-party code but PostgreSQL's driver."""
