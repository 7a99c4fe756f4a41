"""Promise 3, broken: extending never shortens, and waiting for an approval eats nothing of what is granted."""

from tests.mutations.mutation import Mutation as M

LEASE = "tests/unit/rules/test_lease.py"

LEASES = (
    M(
        "an extension counts from now instead of from the end",
        "bot/rules/lease.py",
        "            return max(end, server_now) + by",
        "            return server_now + by",
        f"{LEASE}::test_within_policy_it_is_written",
        "assert extend(NOW, end, since, TIMING, wish, LIMITS) == expected",
    ),
    M(
        "an instant before the end is written and shortens the lease",
        "bot/rules/lease.py",
        "    if new_end <= end:",
        "    if new_end == end:",
        f"{LEASE}::test_a_wish_at_or_before_the_end_writes_nothing",
        "assert isinstance(extend(NOW, NOW + H, NOW, TIMING, wish, LIMITS), Nothing)",
    ),
    M(
        "what is sent is rounded down",
        "bot/rules/lease.py",
        "    rounded = -(-exact // _SECOND) * _SECOND",
        "    rounded = exact // _SECOND * _SECOND",
        f"{LEASE}::test_what_is_sent_is_rounded_up_to_a_second_within_the_api",
        "assert seconds_to_send(NOW + ahead, NOW) == sent",
    ),
    M(
        "what is exactly within policy has to be asked for",
        "bot/rules/lease.py",
        "    if step <= limits.max_extension and total <= limits.free_total:",
        "    if step < limits.max_extension and total < limits.free_total:",
        f"{LEASE}::test_within_policy_it_is_written",
        "assert extend(NOW, end, since, TIMING, wish, LIMITS) == expected",
    ),
    M(
        "the running time as a whole is not limited",
        "bot/rules/lease.py",
        "    if step <= limits.max_extension and total <= limits.free_total:",
        "    if step <= limits.max_extension:",
        f"{LEASE}::test_beyond_policy_it_is_asked",
        "assert isinstance(answer, AskApproval)",
    ),
    M(
        "beyond max_total an approver is enough",
        "bot/rules/lease.py",
        "    if total > limits.max_total:",
        "    if total > 99 * limits.max_total:",
        f"{LEASE}::test_beyond_policy_it_is_asked",
        "assert (answer.needs, answer.new_end) ==",
    ),
    M(
        "a hold moves what a grant is added to",
        "bot/rules/lease.py",
        "current_end == end_at_request or (held_to and abs(current_end - held_to) < _SECOND):",
        "current_end == end_at_request:",
        f"{LEASE}::test_the_base_of_a_request_moves_with_a_renewal_but_not_with_a_hold",
        "assert request_base(NOW, held, held) == NOW",
    ),
    M(
        "a hold reaches beyond hold_max",
        "bot/rules/lease.py",
        "    return held if end < held <= base + hold_max else None",
        "    return held if end < held else None",
        f"{LEASE}::test_a_hold_bridges_an_hour_at_a_time_up_to_its_maximum",
        "assert hold_end(second - 5 * M, second, base, 2 * H) is None",
    ),
    M(
        "a grant counts from the click instead of from the end",
        "bot/rules/lease.py",
        "    new_end, note = _clamped(server_now, _wished(server_now, base, grant), limits)",
        "    new_end, note = _clamped(server_now, _wished(server_now, server_now, grant), limits)",
        f"{LEASE}::test_what_a_grant_gives[added to the base]",
        "assert answer == expected",
    ),
    M(
        "an end that is read back earlier is left as it is",
        "bot/operations/extend.py",
        "        if notebook.status.runs and before is not None and after is not None and to_ms(after) < before:\n"
        '            return self.go(claim, "repair")\n',
        "",
        "tests/flows/test_extend.py::test_an_end_read_back_earlier_than_before_is_repaired_and_reported[sqlite]",
        "assert scene.end(made) >= before",
    ),
    M(
        "a shortened lease is repaired and nobody hears of it",
        "bot/operations/extend.py",
        "            await alerts.lease_shortened(self.parts, db, claim, notebook, admins, now)",
        "            return",
        "tests/flows/test_extend.py::test_an_end_read_back_earlier_than_before_is_repaired_and_reported[sqlite]",
        'assert ["cut" in m.text for m in scene.in_dm(DORA, "alert")',
    ),
    M(
        "an hour that does not exist means the one before",
        "bot/rules/durations.py",
        "    return _transition(later, earlier, zone) if later < earlier else later",
        "    return min(later, earlier)",
        "tests/unit/rules/test_durations.py::test_half_past_two_on_the_nights_the_clock_changes",
        "assert at == datetime.fromisoformat(utc)",
    ),
    M(
        "times are shown in UTC instead of the reader's zone",
        "bot/render/text.py",
        '    return f"<!date^{to_ms(_moment(ms)) // 1000}^{{date_short_pretty}} at {{time}}|{utc(ms)}>"',
        "    return utc(ms)",
        "tests/flows/test_lease_warnings.py::TestQuietHours::test_times_are_shown_in_the_readers_zone[sqlite]",
        'assert f"<!date^{',
    ),
)
