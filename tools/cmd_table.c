/* The rows: every command, in the order of the help, and the options that all of them take. */
#include "tools/cmd.h"
#include "tools/law.h"

const struct option_row cmd_globals[] = {
	[GLOBAL_CONFIG] = { "config", "FILE", "the daemon's configuration (" DUNNINGD_CONFIG_FILE ")" },
	[GLOBAL_REDIS] = { "redis", "URL", "another Redis than the configuration's; alone, it does for what only asks Redis" },
	[GLOBAL_SHARE] = { "share", "DIR", "shipped policies and templates (" DUNNINGD_SHARE_DIR ")" },
	[GLOBAL_CREDENTIALS] = { "credentials", "DIR", "wrap-key, trail-log-key, Redis password ($CREDENTIALS_DIRECTORY, else beside the configuration)" },
	[GLOBAL_SOCKET] = { "socket", "PATH", "the daemon's control socket (the configuration's)" },
	[GLOBAL_WHO] = { "who", "NAME", "who orders it, for the trail (the login name)" },
	[GLOBAL_JSON] = { "json", NULL, "JSON instead of text, errors on standard error too" },
	[GLOBAL_VERSION] = { "version", NULL, "print the version" },
	{ 0 },
};

const struct command *const cmd_table[] = { &cmd_status, &cmd_top, &cmd_list, &cmd_show, &cmd_explain, &cmd_timeline, &cmd_link, &cmd_push, &cmd_hold, &cmd_resume,
	&cmd_skip, &cmd_retry, &cmd_suspend, &cmd_release, &cmd_gap_closed, &cmd_tasks, &cmd_task_done, &cmd_task_letter, &cmd_call_log, &cmd_decide, &cmd_commitment_list, &cmd_commitment_execute,
	&cmd_commitment_withdraw, &cmd_worth, &cmd_fees, &cmd_fee_charge, &cmd_fee_waive, &cmd_waive, &cmd_handover, &cmd_offer_list, &cmd_offer_accept, &cmd_note_add, &cmd_note_remove,
	&cmd_promise_make, &cmd_promise_withdraw, &cmd_promise_list, &cmd_plan_make, &cmd_plan_cancel, &cmd_plan_list, &cmd_dispute_open,
	&cmd_dispute_resolve, &cmd_dispute_list, &cmd_settle_agree, &cmd_settle_list, &cmd_insolvency_end, &cmd_allow, &cmd_forbid, &cmd_report_aging, &cmd_report_dso, &cmd_report_steps, &cmd_report_cost,
	&cmd_report_promises, &cmd_report_book, &cmd_digest, &cmd_dead_list, &cmd_dead_show,
	&cmd_dead_replay, &cmd_dead_drop, &cmd_policy_check, &cmd_policy_show, &cmd_policy_simulate, &cmd_policy_diff, &cmd_policy_migrate, &cmd_template_preview, &cmd_provider_list, &cmd_provider_check, &cmd_provider_test,
	&cmd_provider_health, &cmd_evidence, &cmd_trail_verify, &cmd_trail_log, &cmd_trail_show,
	&cmd_trail_export,	&cmd_trail_status, &cmd_trail_rebuild, &cmd_trail_seal, &cmd_trail_key_new, &cmd_trail_key_show, &cmd_trail_anchor, &cmd_trail_retain, &cmd_trail_erase,
	&law_status.command, &law_interest.command, &law_fees.command, &law_due_date.command, &law_business_day.command, &law_holidays.command,
	&law_contact.command, &law_opt_out.command, &law_notice.command, &law_limitation.command, &law_deadline.command, &law_retention.command,
	&law_format.command,
	&cmd_check, &cmd_doctor, &cmd_config_show, &cmd_config_diff, &cmd_backup, &cmd_restore, &cmd_replay, &cmd_load, &cmd_rebuild, &cmd_instances_rebuild, &cmd_reload, &cmd_clock_confirm, &cmd_complete, NULL };
