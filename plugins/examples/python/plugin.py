#!/usr/bin/python3
"""Keeps workloads out of clusters with planned maintenance, and prefers clusters by a number in one of their labels."""

import longshore_plugin as longshore


class Maintenance:
    name, version = "maintenance", "v1"

    def __init__(self):
        self.label, self.preference = "maintenance", "preference"

    def configure(self, arguments):
        unknown = set(arguments) - {"label", "preference"}
        if unknown:
            raise ValueError(f"unknown arguments {sorted(unknown)}: only label and preference are known")
        self.label = arguments.get("label", self.label)
        self.preference = arguments.get("preference", self.preference)

    def filter(self, query, rows):
        planned = [row for row in rows if query.clusters[row].labels.get(self.label) == "planned"]
        return [longshore.Rejection(planned, "cluster(s) had planned maintenance")] if planned else []

    def score(self, query, rows):
        return [self.rate(query.clusters[row]) for row in rows]

    def rate(self, cluster):
        try:
            return min(100, max(0, int(cluster.labels.get(self.preference, "0"))))
        except ValueError:
            return 0


if __name__ == "__main__":
    longshore.serve(Maintenance(), reads=longshore.LABELS)
