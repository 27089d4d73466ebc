"""What our contracts say and take: ids, structs, calls, events, errors, as values. Asks no node."""
