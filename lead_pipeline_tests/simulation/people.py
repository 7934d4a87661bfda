"""What people do in the org while we work: edit, clear, create, delete, merge, convert; at any pause of a worker."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from lead_pipeline.domain.write_protocol import OWNER_FIELD
from lead_pipeline_tests.simulation.org import HOLDING_QUEUE_ID, REP, REP_OWNER_ID, Org, Record

# What reps type in. Names and addresses stay: who changes them makes another person of the record.
EDITED_FIELDS = ("Title", "Phone", "Industry", "Description", "Website")
CREATION_SHARE = 0.04
EDIT_FIRST_SHARE = 0.5  # of the leads that reps take out of the holding queue


@dataclass
class People:
    """A sales team with a number of acts left to do."""

    org: Org
    random: Random
    acts_left: int
    acquaintances: Sequence[Mapping[str, str]] = ()  # people a rep may meet and put into the org by hand
    taking_share: float = 0.0  # of the acts by which reps help themselves from the holding queue
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def act(self, chance: float) -> None:
        """Perhaps do something."""
        if self.acts_left > 0 and self.random.random() < chance:
            self.acts_left -= 1
            self._act()

    def work_through_the_night(self, count: int) -> None:
        """Do several things while none of our processes lives."""
        for _ in range(count):
            self.org.clock.advance(self.random.uniform(1, 3_600))
            self._act()

    def _act(self) -> None:
        if self.taking_share and self.random.random() < self.taking_share:
            held = [record for record in self.org.live("Lead") if record.fields[OWNER_FIELD] == HOLDING_QUEUE_ID]
            if held:
                self._help_oneself(self.random.choice(held))
                return
        records = self.org.live()
        if self.acquaintances and (not records or self.random.random() < CREATION_SHARE):
            self.org.insert("Lead", self.random.choice(self.acquaintances), user=REP)
            return
        if not records:
            return
        record = self.random.choice(records)
        acts: list[Callable[[Record], None]] = [self._edit, self._clear, self._take, self._delete, self._merge]
        acts.append(self._convert if record.object_name == "Lead" else self._edit)
        self.random.choices(acts, weights=[60, 8, 8, 4, 3, 6])[0](record)

    def _edit(self, record: Record) -> None:
        name = self.random.choice(EDITED_FIELDS)
        self._save(record, name, f"rep {next(self._numbers)}")

    def _clear(self, record: Record) -> None:
        self._save(record, self.random.choice(EDITED_FIELDS), None)

    def _take(self, record: Record) -> None:
        self._save(record, OWNER_FIELD, REP_OWNER_ID)

    def _help_oneself(self, record: Record) -> None:
        """Take a lead out of the holding queue, often a moment after something was typed into it."""
        if self.random.random() < EDIT_FIRST_SHARE:
            self._edit(record)
            moment = self.org.clock.seconds + self.random.uniform(0, 1)
            self.org.clock.at(moment, lambda: self._take(record))
        else:
            self._take(record)

    def _delete(self, record: Record) -> None:
        self.org.delete(record)

    def _merge(self, record: Record) -> None:
        """Merge a record into another one of its kind; the master keeps its own values."""
        others = [other for other in self.org.live(record.object_name) if other is not record]
        if others:
            self.org.delete(record, master=self.random.choice(others))

    def _convert(self, record: Record) -> None:
        self.org.convert(record)

    def _save(self, record: Record, name: str, value: str | None) -> None:
        self.org.update(record.salesforce_id, {name: value}, user=REP)
