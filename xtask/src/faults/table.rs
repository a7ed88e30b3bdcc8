//! The deliberate faults, and the test that must catch each.

/// One promise that the code breaks when it is told to.
pub(super) struct Fault {
    /// As in `fault!("NAME")`.
    pub(super) name: &'static str,
    /// What goes wrong.
    pub(super) breaks: &'static str,
    /// The package of the test.
    pub(super) package: &'static str,
    /// The test function, without its modules.
    pub(super) test: &'static str,
}

const fn fault(name: &'static str, breaks: &'static str, package: &'static str, test: &'static str) -> Fault {
    Fault {
        name,
        breaks,
        package,
        test,
    }
}

const STORE: &str = "kaskade-store";
const NET: &str = "kaskade-net";
const AKA: &str = "kaskade-aka";
const FLOW: &str = "kaskade-flow";

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("clock-before-lock-issue", "the clock is read before the shard is locked, then a number is issued by it", STORE, "schedules_of_issuing"),
    fault("clock-before-lock-put", "the clock is read before the shard is locked, then a subscriber is replaced by it", STORE, "schedules_of_replacing"),
    fault("clock-before-lock-resynchronise", "the clock is read before the shard is locked, then SQN is moved by it", STORE, "schedules_of_resynchronising"),
    fault("row-before-hold", "an export takes the secrets before it holds the subscriber and the sequence numbers after", STORE, "schedules_of_exporting"),
    fault("serials-not-raised", "a store out of a backup tells nothing to an audit log that has come further", STORE, "records_in_memory"),
    fault("loaded-without-a-hold", "a row is read, somebody changes it, and then numbers are issued of what was read", STORE, "schedules_of_replacing"),
    fault("sweep-drops-busy", "a sweep drops a subscriber whose record is on its way to the disk", STORE, "schedules_of_resynchronising"),
    fault("sweep-drops-ahead", "a sweep drops a subscriber that is ahead of the clock", STORE, "schedules_of_issuing"),
    fault("put-waits-while-holding", "an import waits for another while others wait for it", STORE, "schedules_of_imports_that_overlap"),
    fault("mark-before-durable", "the clock's mark counts before it is durable", STORE, "schedules_of_issuing_with_a_full_disk"),
    fault("answer-before-durable", "who waits for a commit is told of it before it is durable", STORE, "a_store_survives_power_loss"),
    fault("sync-skipped", "the engine's file is never synced", STORE, "an_engine_that_forgets_what_was_not_synced"),
    fault("failed-sync-forgotten", "after a failed sync the engine goes on as if it knew what is on the disk", STORE, "a_failed_sync_is_never_forgotten"),
    fault("settled-before-durable", "what a commit changes in memory changes before it is durable", STORE, "schedules_of_issuing_with_a_full_disk"),
    fault("issued-while-frozen", "numbers are issued while a new epoch is on its way to the disk", STORE, "an_uncertain_resynchronisation_is_settled_by_what_is_durable"),
    fault("range-before-durable", "numbers of a range are issued while the range is on its way to the disk", STORE, "a_full_disk_stops_and_never_repeats"),
    fault("outage-settled-as-durable", "after a failed commit, what was lost counts as durable", STORE, "an_uncertain_resynchronisation_is_settled_by_what_is_durable"),
    fault("outage-settled-as-lost", "after a failed commit, what is durable counts as lost", STORE, "an_uncertain_resynchronisation_is_settled_by_what_is_durable"),
    fault("removed-forgotten", "a subscriber that is removed leaves no record of its SQN", STORE, "removed_and_added_again_goes_on_above"),
    fault("life-forgotten", "a card that comes back after another one begins anew", STORE, "a_new_card_begins_anew_by_whatever_path"),
    fault("code-not-checked", "an edited record of sequence numbers is used", STORE, "an_edited_or_moved_record_is_noticed_and_left_as_it_is"),
    fault("first-version-accepted", "a record without a code is taken after the conversion", STORE, "a_record_without_a_code_is_not_converted"),
    fault("success-not-noted", "an AUTS is followed after the card has succeeded", STORE, "a_stale_or_replayed_auts_gains_nothing"),
    fault("auts-followed-twice", "an AUTS is followed each time that it is shown", STORE, "a_stale_or_replayed_auts_gains_nothing"),
    fault("skip-leaves-clock", "after a restore the clock goes on where the backup was", STORE, "an_interrupted_skip_goes_on"),
    fault("skip-always-equal", "a backup that is put back twice goes on twice at the same numbers", STORE, "one_backup_put_back_twice_goes_on_elsewhere"),
    fault("skip-leaves-records", "after a restore ranges go on where the backup was", STORE, "a_backup_put_back_repeats_nothing_after_skipping_ahead"),
    fault("release-before-room", "something is released though the audit log has no room for it", STORE, "a_full_disk_releases_nothing_and_goes_on_when_there_is_room"),
    fault("torn-tail-kept", "what a crash left behind the audit log's last block stays there", STORE, "a_torn_tail_is_cut_off_and_said"),
    fault("audit-gap-not-said", "after a crash the audit log does not say that entries may be missing", STORE, "a_killed_log_verifies_and_tells_its_gap"),
    fault("audit-loss-not-said", "a log that is closed without room does not say what was lost", STORE, "what_was_lost_is_said_by_a_log_that_closes_without_room"),
    fault("audit-head-not-compared", "a log that was put back from a copy is opened", STORE, "a_log_that_was_put_back_begun_anew_or_exchanged_is_not_opened"),
    fault("audit-anchor-everywhere", "a head at the end of a segment is compared with the next one too", STORE, "heads_before_and_after_a_rotation_accuse_nobody"),
    fault("audit-chain-not-checked", "an edited entry of the audit log is taken", STORE, "segments_cut_moved_or_edited_are_named_and_left_as_they_are"),
    fault("audit-code-not-checked", "an audit log whose chain was computed anew is taken", STORE, "whoever_computes_the_chain_anew_is_found_with_the_master_key"),
    fault("audit-version-not-checked", "a segment of a newer program is read as if it were known", STORE, "segments_cut_moved_or_edited_are_named_and_left_as_they_are"),
    fault("audit-cut-not-noticed", "a segment of the audit log may end before what was synced", STORE, "segments_cut_moved_or_edited_are_named_and_left_as_they_are"),
    fault("audit-mark-not-compared", "the audit log is not compared with where its end is known to be", STORE, "segments_cut_moved_or_edited_are_named_and_left_as_they_are"),
    fault("audit-missing-not-noticed", "a segment of the audit log may be missing", STORE, "segments_cut_moved_or_edited_are_named_and_left_as_they_are"),
    fault("audit-order-not-checked", "a segment of the audit log need not follow the one before it", STORE, "segments_cut_moved_or_edited_are_named_and_left_as_they_are"),
    fault("second-audit-writer", "two processes write one audit log", STORE, "only_one_process_writes"),
    fault("refusals-without-quota", "one peer fills the audit log with refusals", STORE, "refusals_of_one_peer_are_few_events"),
    fault("card-not-compared", "K of a card and SQN of the one after it meet in a vector", STORE, "a_vector_is_never_made_of_two_cards"),
    fault("spent-forgotten", "a new epoch forgets what the one before it issued", AKA, "never_twice_and_always_up"),
    fault("res-star-not-compared", "a wrong RES* confirms, and K_SEAF is given out", AKA, "one_bit_of_res_star_is_enough_to_fail"),
    fault("hxres-star-not-compared", "a wrong RES* passes the serving network", AKA, "one_bit_of_res_star_is_enough_to_fail"),
    fault("mac-s-not-compared", "an AUTS that K did not make moves SQN", NET, "a_wrong_auts_changes_nothing"),
    fault("mac-a-not-compared", "a USIM answers a challenge that K did not make", AKA, "a_changed_challenge_is_a_mac_failure"),
    fault("replay-accepted", "a USIM answers a challenge twice", AKA, "a_replay_is_a_synchronisation_failure_that_names_sqn_ms"),
    fault("separation-bit-not-read", "a UE answers in 5G to a vector of another generation", AKA, "a_vector_for_another_generation_is_unacceptable"),
    fault("separation-bit-dropped", "a vector for 5G has the AMF of the subscription as it is", NET, "both_ends_have_the_same_keys"),
    fault("separation-bit-not-cleared", "CK and IK that UTRAN sees are of a vector that EPS accepts", AKA, "the_operation_decides_the_separation_bit_and_the_method"),
    fault("supi-not-compared", "over N13 a UDM answers with somebody else's vector", NET, "a_udm_cannot_answer_for_somebody_else"),
    fault("network-not-authorised", "any serving network gets vectors", NET, "every_wrong_request_gets_its_answer"),
    fault("context-never-over", "a challenge can be answered for ever", NET, "contexts_expire"),
    fault("row-not-bound-to-supi", "a sealed row moved to another SUPI opens there", STORE, "a_row_of_another_subscriber_does_not_open"),
    fault("record-not-bound-to-key", "a record moved to another key is read there", STORE, "records_in_memory"),
    fault("expired-record-read", "a record is read after its end", STORE, "records_in_memory"),
    fault("unknown-version-read", "a record of a newer program is read as if it were of this one", STORE, "records_in_memory"),
    fault("conflict-settled-as-done", "a unit that conflicts counts as done", STORE, "records_in_memory"),
    fault("outbox-order-broken", "a message overtakes one with its order key", STORE, "records_in_memory"),
    fault("mode-not-checked", "a master key that others read is used", STORE, "master_key_files"),
    fault("planted-name-followed", "a new file is written over what somebody planted", STORE, "a_planted_name_is_not_followed"),
    fault("lost-store-made-anew", "an empty store takes the place of a lost one", STORE, "what_is_not_there_is_made_only_when_asked_for"),
    fault("data-key-made-over-rows", "a store whose data key is gone gets a new one", STORE, "what_is_not_there_is_made_only_when_asked_for"),
    fault("owner-not-compared", "whoever knows a context may confirm and remove it", NET, "somebody_elses_context_is_none"),
    fault("evicted-across-owners", "a full table throws out what others own", FLOW, "an_owner_loses_its_own_and_never_anothers"),
    fault("evicted-in-work", "a full table throws out what a message is in work for", FLOW, "what_is_in_work_keeps_its_place_in_a_full_table"),
    fault("forgotten-put-back", "what was forgotten while a message was in work comes back", FLOW, "what_was_forgotten_in_work_does_not_come_back"),
    fault("second-message-accepted", "a second answer is taken while the first one is in work", NET, "a_second_message_is_refused_while_one_is_in_work"),
    fault("lost-when-cancelled", "what a request changes is lost when its stream is reset", NET, "a_request_that_is_cancelled_anywhere_is_done_or_was_not_begun"),
    fault("released-without-audit", "a key leaves without its record", NET, "nothing_is_given_out_without_room_for_its_record"),
    fault("reservation-not-checked", "everybody may ask in the name of a reserved serving network", NET, "a_reserved_network_is_refused_to_others"),
    fault("bucket-not-consulted", "a subscriber's vectors are unlimited", NET, "one_requester_that_asks_without_end_is_refused_and_another_is_not"),
    fault("vectors-pushed-out-across-requesters", "who asks for many vectors makes the node forget those of others", NET, "who_floods_the_table_is_not_believed_and_pushes_nobody_out"),
    fault("auts-counts-twice", "a replayed AUTS passes the budgets each time", NET, "a_replayed_auts_passes_no_budget"),
    fault("listener-shared-with-another-tls", "UDM and AUSF share a socket whatever TLS they have", NET, "one_address_serves_one_policy_or_does_not_start"),
    fault("clear-text-anywhere", "HTTP/2 in clear is served to other machines", NET, "clear_text_is_for_the_loopback"),
    fault("client-in-clear-anywhere", "a client speaks in clear to other machines", NET, "a_client_speaks_in_clear_to_this_machine_only"),
    fault("newest-connection-refused", "a full house closes nobody and refuses the newest", NET, "idle_and_silent_crowds_stop_nobody"),
    fault("octets-without-bound", "requests that wait hold as much as they like", NET, "a_full_connection_is_told_to_come_back"),
    fault("unread-answers-wait-for-ever", "a peer that does not read keeps its connection", NET, "a_peer_that_does_not_read_is_given_up"),
    fault("settings-without-end", "a peer sends SETTINGS as often as it likes, and each is work for every stream", NET, "a_connection_with_settings_without_end_breaks"),
    fault("reads-without-end", "a connection reads as long as its peer sends, and the others wait", NET, "who_sends_without_end_leaves_a_turn_to_others"),
    fault("handshake-without-deadline", "a handshake takes as long as the peer likes", NET, "a_handshake_has_one_deadline_for_all_its_parts"),
    fault("shutdown-waits-for-ping", "a shutdown waits for peers that answer nothing", NET, "a_shutdown_waits_for_requests_only"),
    fault("member-twice-unseen", "members that nobody reads may come twice", NET, "members_that_nobody_reads_are_held_to_json_too"),
    fault("second-content-type-unseen", "the first of two content types counts", NET, "a_body_has_one_content_type"),
];
