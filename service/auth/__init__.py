"""Who is calling: API keys, what each may do, and the tenant whose things it sees."""
