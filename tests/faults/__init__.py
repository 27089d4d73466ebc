"""Hostile days: processes die, chains reorganise, networks stall, disks fill and participants lie."""
