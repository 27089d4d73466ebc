"""``tpre``: the composition root. Reads settings, opens keys, connections and stores, and hands them to the rest."""
