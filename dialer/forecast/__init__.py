"""`dialer simulate`: what a campaign will come to, before it is launched.

Theory of operation. `scenario_file` is the file as the user writes it; `plan` turns it into what is run; `replication` works
one seed of one policy with the production team (`dialer.simulator.shift`) on a list in memory (`lead_list`); `figures` puts
replications together with their intervals; `page` and `plots` show them. `history` replaces guesses by what a campaign
has measured.
"""
