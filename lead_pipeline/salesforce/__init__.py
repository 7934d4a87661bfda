"""All that talks to Salesforce: sign-in, REST calls, Bulk jobs, SOQL, ids and the meaning of its answers."""
