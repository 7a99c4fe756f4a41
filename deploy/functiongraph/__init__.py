"""leasebot as two functions of FunctionGraph: `gateway` takes Slack's requests, `worker` does what they asked for."""
