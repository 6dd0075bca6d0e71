"""Live sessions: WebSockets between a client and the model, relayed over a leased key."""
