"""What the end-to-end tests are made of: the control plane, the operator, clients, recorders, invariants."""
