"""What people start: the command line now; small servers for webhooks and review later. Rules live in `services`."""
