"""Live sessions: conversations over WebSockets."""
