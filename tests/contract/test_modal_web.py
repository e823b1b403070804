"""The production endpoint keeps what it can of the contract; it deploys nothing, reports no times and sends no bill."""

from typing import ClassVar

from backends.base import Backend
from backends.modal_web import ModalWebBackend, endpoint_urls
from tests.contract.contract import BackendContract
from tests.contract.stage import Stage
from words import Provider

DEPLOYS_NOTHING = "the endpoint is there already: deploying, finding and tearing down send nothing"
ANSWERS_LATE = "the one request is the job itself: submit starts it and returns, its fate comes with a look"
SEEN_FROM_OUTSIDE = "the answer is an image: it names no container, no pick-up and no durations"


class TestModalWeb(BackendContract):
    provider = Provider.MODAL
    deploy_call = ("modal_web", "^$")
    submit_call = ("modal_web", "^POST ")
    services = ("modal_web",)
    excused: ClassVar = {
        "test_a_deploy_whose_answer_was_lost_is_found_by_its_key": DEPLOYS_NOTHING,
        "test_teardown_leaves_nothing_and_may_be_repeated": DEPLOYS_NOTHING,
        "test_a_deployment_becomes_ready_at_the_rate_that_is_truly_billed": DEPLOYS_NOTHING,
        "test_only_what_carries_the_prefix_is_live": DEPLOYS_NOTHING,
        "test_a_found_deployment_serves_jobs_like_one_whose_answer_came": DEPLOYS_NOTHING,
        "test_a_deploy_that_took_effect_unheard_is_found_and_never_repeated": DEPLOYS_NOTHING,
        "test_a_deploy_that_never_took_effect_leaves_nothing_behind": DEPLOYS_NOTHING,
        "test_a_deploy_refused_for_its_rate_takes_effect_once": DEPLOYS_NOTHING,
        "test_tearing_down_what_never_was_is_success": DEPLOYS_NOTHING,
        "test_a_job_whose_answer_was_lost_is_never_sent_again": ANSWERS_LATE,
        "test_a_job_whose_fate_is_unknown_is_never_sent_again": ANSWERS_LATE,
        "test_a_job_refused_for_its_rate_is_sent_until_it_is_accepted_once": ANSWERS_LATE,
        "test_a_job_refused_without_a_hint_is_sent_until_it_is_accepted_once": ANSWERS_LATE,
        "test_a_job_is_followed_to_its_end_by_a_backend_that_did_not_send_it": "only who asks is answered",
        "test_a_look_survives_a_lost_connection_and_a_server_error": ANSWERS_LATE,
        "test_the_times_of_a_job_are_the_ledgers": SEEN_FROM_OUTSIDE,
        "test_a_job_goes_from_submitted_over_running_to_succeeded": SEEN_FROM_OUTSIDE,
        "test_a_final_look_says_who_worked_on_what_evidence_and_keeps_no_picture": SEEN_FROM_OUTSIDE,
        "test_each_way_to_fail_has_its_reason[result_missing]": "a 500 does not tell a missing image from an error",
        "test_a_crash_loop_is_told_from_missing_capacity": "a 500 does not tell a container that never started",
        "test_a_job_over_its_limit_times_out": "the endpoint takes no limit from its caller; its own is 1,200 s",
        "test_cancelling_ends_a_job_and_may_be_repeated": "we stop waiting, the container finishes what it began",
        "test_the_charges_of_a_finished_deployment_are_what_was_truly_billed": "the bill mixes our jobs with others'",
        "test_a_refused_key_is_named_as_such_does_nothing_and_is_not_shown": "the endpoint asks for no key",
    }

    def connect(self, stage: Stage, key: str) -> Backend:  # noqa: ARG002 - there is no key at all
        urls = endpoint_urls("ryla")
        return ModalWebBackend(urls=urls, clock=stage.clock, simulated=True, transport=stage.transport)
