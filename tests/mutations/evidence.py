"""Promise 2, broken: unknown is never idle, and any sign of life is a veto."""

from tests.mutations.mutation import Mutation as M

TOGETHER = "tests/unit/rules/test_idle.py::test_what_sources_say_together"
STATE = "assert verdict.state == state, verdict.reason"
JUPYTER, METRICS = "tests/unit/idle/test_jupyter_verdict.py", "tests/unit/idle/test_metrics_verdict.py"

EVIDENCE = (
    M(
        "evidence of hours ago warns",
        "bot/rules/plan.py",
        "    if not newest or now - max(newest) <= most:",
        "    if True:",
        "tests/unit/passes/test_pass.py::test_after_a_long_silence_everybody_is_warned_anew[sqlite-grace0-silence0]",
        "assert (await stops(stand), len(await stand.rows(select(notices)))) == (0, 2)",
    ),
    M(
        "a restart that no pass has seen goes on with the run before",
        "bot/operations/adopt.py",
        "    elif before is not None and ran and runs and _restarted(before, notebook):",
        "    elif before is None and ran:",
        "tests/flows/test_unseen_restarts.py::"
        "test_a_job_begun_after_a_restart_that_no_pass_has_seen_is_not_stopped[sqlite-all sources]",
        "assert abs(row.running_since - started) < minutes(2)",
    ),
    M(
        "a flavor of which nothing is known counts as a CPU",
        "bot/operations/evidence.py",
        'known.flavors.get(notebook.flavor)) or "",',
        'known.flavors.get(notebook.flavor)) or "CPU",',
        "tests/flows/test_flavors.py::"
        "test_where_flavors_cannot_be_listed_nothing_is_concluded_of_one_whose_id_says_nothing[sqlite]",
        'assert (scene.in_dm(ANA, "idle_warning"), scene.stops(made)) == ([], [])',
    ),
    M(
        "metrics that are missing are read as quiet",
        "bot/rules/idle.py",
        "        if source not in agreeing and not (source == METRICS and policy.idle_blind):",
        "        if source not in agreeing and source != METRICS:",
        f"{TOGETHER}[metrics missing]",
        STATE,
    ),
    M(
        "a metrics service that does not answer is read as quiet",
        "bot/idle/metrics.py",
        "            return cannot_tell(asked.failure, subject.memory)",
        "            from bot.rules.idle import SourceReading\n\n"
        "            quiet = SourceReading(NAME, 'idle', subject.running_since, asked.failure, self._clock.now(), {})\n"
        "            return Evidence(quiet, subject.memory)",
        "tests/unit/idle/test_metrics_source.py::test_forbidden_unreachable_and_other_failures[unreachable]",
        'reading.reason) == ("unknown", reason)',
    ),
    M(
        "a notebook that cannot be reached is read as quiet",
        "bot/idle/jupyter.py",
        "            return cannot_tell(str(error), subject.memory, status)",
        "            from bot.rules.idle import SourceReading\n\n"
        "            now = self._clock.now()\n"
        "            quiet = SourceReading(NAME, 'idle', subject.running_since, str(error), now, status)\n"
        "            return Evidence(quiet, subject.memory)",
        "tests/unit/idle/test_jupyter_source.py::test_unreachable",
        'assert (told.state, told.reason) == ("unknown",',
    ),
    M(
        "a verdict that cannot tell is taken for idle",
        "bot/rules/plan.py",
        '    if verdict is None or verdict.state == "unknown":',
        "    if verdict is None:",
        "tests/unit/rules/test_plan.py::test_one_fact_changed[unknown is never idle]",
        "assert kinds(list(made.actions)) == expected",
    ),
    M(
        "samples of any age count",
        "bot/rules/idle.py",
        '    return reading.state == "idle" and reading.since is not None and _fresh(now, reading, policy)',
        '    return reading.state == "idle" and reading.since is not None',
        f"{TOGETHER}[stale]",
        STATE,
    ),
    M(
        "measurements of any age count",
        "bot/idle/metrics_verdict.py",
        "    return now - window.end <= subject.idle_fresh",
        "    return window.end <= now",
        f"{METRICS}::test_the_newest_point_is_at_most_idle_fresh_old[16-unknown]",
        "assert told.state == state",
    ),
    M(
        "a window with holes is read as quiet",
        "bot/idle/metrics_verdict.py",
        "        if window.share < COVERED:",
        "        if window.share <= 0:",
        f"{METRICS}::test_four_fifths_of_the_windows_points_must_be_there[13-unknown]",
        "assert told.state == state",
    ),
    M(
        "an accelerator without measurements is read as quiet",
        "bot/idle/metrics_verdict.py",
        '            return f"no {name} measurements"',
        "            continue",
        f"{METRICS}::test_what_the_category_needs_must_be_there[GPU-gpu]",
        "assert (told.state, told.reason) ==",
    ),
    M(
        "only the series that are needed veto",
        "bot/idle/metrics_verdict.py",
        "        for each in measured\n        for point in each.points\n",
        "        for each in measured\n        if each.series.needed_by\n        for point in each.points\n",
        f"{METRICS}::test_one_point_above_its_limit_vetoes[CPU-loud3]",
        "assert (told.state, told.since) ==",
    ),
    M(
        "a busy kernel is no veto",
        "bot/idle/jupyter_verdict.py",
        "    working = sum(kernel.state in WORKING for kernel in server.kernels)\n    used",
        "    working = 0\n    used",
        f"{JUPYTER}::test_a_working_kernel_is_active_however_old_its_last_message[busy]",
        "assert (told.state, told.since, told.newest) ==",
    ),
    M(
        "a live terminal is no veto",
        "bot/idle/jupyter_facts.py",
        "        return kernels + tuple(each.last_activity for each in self.terminals)",
        "        return kernels",
        f"{JUPYTER}::test_a_terminal_younger_than_idle_after_is_live",
        "assert (told.state, told.reason) ==",
    ),
    M(
        "a terminal that nobody can look into is read as still",
        "bot/idle/jupyter_verdict.py",
        '        *(["terminals"] if server.terminals else []),\n',
        "",
        f"{JUPYTER}::test_an_old_terminal_is_idle_and_flagged_as_something_only_metrics_can_clear",
        'told.details.get("blind")) == ("1", "terminals")',
    ),
    M(
        "without metrics a blind spot is no doubt",
        "bot/rules/idle.py",
        "        return _blind_spot(told)",
        '        return ""',
        f"{TOGETHER}[a terminal without metrics]",
        STATE,
    ),
    M(
        "only the sources of the policy veto",
        "bot/rules/idle.py",
        '        if reading.state == "active" and (lately',
        '        if reading.state == "active" and reading.source in policy.idle_sources and (lately',
        f"{TOGETHER}[any source vetoes]",
        STATE,
    ),
    M(
        "one idle result is enough",
        "bot/rules/idle.py",
        "NEEDED_IN_A_ROW = 2",
        "NEEDED_IN_A_ROW = 1",
        "tests/unit/rules/test_idle.py::test_one_idle_result_is_not_enough_and_wants_another",
        'assert first.state == "unknown"',
    ),
    M(
        "the same samples, looked at twice, are two results",
        "bot/rules/idle.py",
        "    fresh_result = before is None or all(",
        "    fresh_result = True or all(",
        "tests/unit/rules/test_idle.py::test_the_same_samples_seen_by_two_passes_count_once",
        'assert verdict.state == "unknown"',
    ),
    M(
        "load from before this run keeps it busy",
        "bot/idle/metrics_verdict.py",
        "    return tuple(point for point in points if point.at >= subject.running_since)",
        "    return points",
        f"{METRICS}::test_start_up_and_earlier_runs_do_not_count",
        "assert (told.state, told.since) ==",
    ),
    M(
        "our own looking counts as use",
        "bot/idle/jupyter.py",
        'UNTRACKED = "?no_track_activity=1"',
        'UNTRACKED = ""',
        "tests/unit/idle/test_jupyter_source.py::test_our_calls_are_marked_and_carry_the_token_in_the_header_only",
        "assert {each.url.raw_path.decode() for each in asked} ==",
    ),
    M(
        "right before a stop nobody looks at fresh evidence",
        "bot/operations/idle_stop.py",
        "        await self._evidence.read(project, [notebook], now)\n",
        "",
        "tests/flows/test_idle.py::test_activity_after_the_decision_is_seen_right_before_the_stop[sqlite]",
        "assert scene.stops() == []",
    ),
    M(
        "right before a stop it is not decided again",
        "bot/operations/idle_stop.py",
        "        return None if same else planned.decision.because",
        "        return None",
        "tests/flows/test_idle.py::test_activity_in_the_last_minute_is_seen_right_before_the_stop[sqlite]",
        "assert scene.stops() == []",
    ),
    M(
        "between the last look and the stop nobody's word counts",
        "bot/operations/idle_stop.py",
        "        if why := await self._changed(claim, project, notebook_id, now):\n"
        "            return self._cancelled(claim, why)\n",
        "",
        "tests/flows/test_idle.py::test_a_brake_between_the_last_look_and_the_stop_holds[sqlite]",
        "assert scene.stops() == []",
    ),
    M(
        "a stop that was looked at long ago is carried out unseen",
        "bot/operations/idle_stop.py",
        '        if now - from_ms(claim.data["checked_ms"]) > STILL_FRESH:\n'
        '            return self.go(claim, "start")  # we were away since: everything is read again\n',
        "",
        "tests/flows/test_idle.py::test_a_stop_that_waited_is_looked_at_anew[sqlite]",
        "assert scene.stops() == []",
    ),
)
