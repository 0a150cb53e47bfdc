"""The seeded world: people, carriers and agents, behind two faces (virtual time; an AMI server on TCP).

Theory of operation. `schedule` is a heap of things to come; it has no clock, its owner moves it on. `scenario` is the
world as data; `people` says who is met when a number is dialled, as a function of seed, number and attempt alone (`far_end`:
of the number alone, as the test pair's far end does).
`switch` holds channels and bridges and tells a `Watcher` what can be seen. `carrier` (dial to answer), `dialplan` (answer to
end), `agents` (the agents' legs) and `talks` (customer and agent joined) act on the switch; `world` puts them together.
`virtual` and `ami_server` are two watchers of the same world: one yields `dialer.events`, the other plays an Asterisk 22
on TCP.
"""
