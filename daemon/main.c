/* dunningd - the command line of the daemon. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/instance.h"
#include "daemon/merge_apart.h"

static const char help[] =
	"usage: dunningd [--config FILE] [--check-config] [--credentials DIR] [--share DIR] [--clock SPEC]\n"
	"\n"
	"  -c, --config FILE      configuration (" DUNNINGD_CONFIG_FILE ")\n"
	"      --check-config     read and check all that a start would read, say what is wrong, and end\n"
	"      --credentials DIR  folder with install-key, wrap-key and the providers' secrets, a file each;\n"
	"                         systemd gives it as $CREDENTIALS_DIRECTORY\n"
	"      --share DIR        shipped policies, templates and provider files (" DUNNINGD_SHARE_DIR ")\n"
	"      --clock SPEC       a played clock for demonstrations and tests, such as\n"
	"                         start:2026-03-02T09:00:00Z,rate:3600 or start:2026-03-02T09:00:00Z,jump;\n"
	"                         only with an origin that begins with \"test.\" and providers on this computer\n"
	"      --version          print the version\n"
	"      --help             print this\n"
	"\n"
	"Signals: SIGTERM and SIGINT stop, SIGHUP loads policies, templates and provider files anew.\n"
	"Exit codes: 0 stopped, 64 usage, 74 disk or journal, 78 configuration. See dunningd(8).\n";

int main(int argc, char **argv)
{
	enum { CHECK = 256, CREDENTIALS, SHARE, CLOCK, VERSION, HELP };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, CHECK },
		{ "credentials", required_argument, NULL, CREDENTIALS },
		{ "share", required_argument, NULL, SHARE },
		{ "clock", required_argument, NULL, CLOCK },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	struct instance_options given = { .config_file = DUNNINGD_CONFIG_FILE, .share_dir = DUNNINGD_SHARE_DIR };
	bool check = false;
	int option;

	if (argc == 2 && strcmp(argv[1], "--merge-pdfs") == 0) /* the daemon starts it so, for itself */
		return merge_apart_main();
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			given.config_file = optarg;
			break;
		case CHECK:
			check = true;
			break;
		case CREDENTIALS:
			given.credentials_dir = optarg;
			break;
		case SHARE:
			given.share_dir = optarg;
			break;
		case CLOCK:
			given.clock = optarg;
			break;
		case VERSION:
			printf("dunningd %s\n", DUNNINGD_VERSION);
			return 0;
		case HELP:
			fputs(help, stdout);
			return 0;
		default:
			fputs("dunningd --help tells the options\n", stderr);
			return INSTANCE_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "dunningd: \"%s\" is not an option; dunningd --help tells them\n", argv[optind]);
		return INSTANCE_USAGE;
	}
	return check ? instance_check(&given) : instance_run(&given);
}
