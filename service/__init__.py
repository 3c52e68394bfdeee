"""The product around the engine: jobs, stores, routes and the page. Importing it imports no torch."""
