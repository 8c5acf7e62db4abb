/* SPDX-License-Identifier: MIT
 *
 * tgraph: make for tests. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

const struct command commands[] = {
    {"run", "[run] [PATTERN...]", "run what is dirty of the tests (or of what the patterns name)", "jnJtxfFSsgbd-",
     "Patterns: labels (unit, services/api:unit), dir/..., globs over labels. Without one: every test.", cmd_run},
    {"list", "list [PATTERN...]", "show targets and whether they are clean", "lktxSsgbdoNr-", NULL, cmd_list},
    {"affected", "affected [PATTERN...]", "print what a branch can have changed; exit 1 if there is any", "txSsgbdr-",
     NULL, cmd_affected},
    {"why", "why TARGET...", "say why a target would run, ran, is skipped, or is affected", "sgbr-", NULL, cmd_why},
    {"log", "log TARGET...", "print the output of a target's last run here", "", NULL, cmd_log},
    {"bisect", "bisect [--after CASE]... CASE", "find the case of a suite after which another one fails", "aj-",
     "Exit status: 0 it was found, 1 there is none.", cmd_bisect},
    {"clean", "clean", "delete this work tree's state and the outputs that tgraph made", "n", NULL, cmd_clean},
    {"gc", "gc", "shrink the cache: least recently used results go first", "m", NULL, cmd_gc},
    {"annotations", "annotations", "print tgraph.d.lua, the editor's annotations for Testfiles", "", NULL,
     cmd_annotations},
    {"once", "once KEY [--in FILE]... [--env NAME]... --out PATH -- CMD...",
     "make a file that many processes want, in one of them", "iVO", NULL, cmd_once},
    {"worker-check", "worker-check [--case NAME]... [--data JSON] [--timeout TIME] -- CMD...",
     "try a suite's worker against the worker protocol", "ADT", NULL, cmd_worker_check},
    {"exec-worker", "exec-worker [--format FORMAT] [--junit-file FILE] [-- CMD...]", NULL, "RU",
     "Serves a suite's cases, a process each: CMD and what the case adds to it (docs/rules/exec.md).", cmd_exec_worker},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

static void print_usage(FILE *out)
{
    fputs("tgraph is make for tests: it runs the tests that a change can have broken, and no others.\n\n", out);
    for (const struct command *c = commands; c->name; c++)
        if (c->summary)
            fprintf(out, "  tgraph %-24s %s\n", c->usage, c->summary);
    fputs("  tgraph --version, tgraph COMMAND --help\n\n", out);
    options_print(&commands[0], out);
    fputs("\nWhat stands after -- is for the Testfiles: options() in docs/testfile.md.\n", out);
    fputs(
        "\nExit status: 0 all passed or nothing to do, 1 a test failed, 2 wrong usage or Testfile, 3 a build failed,\n"
        "4 a pattern matched nothing, 130 interrupted.\n",
        out);
}

static const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

int main(int argc, char **argv)
{
    const struct command *c = &commands[0];
    int skip = 1;
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        printf("tgraph %s\n", TGRAPH_VERSION);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "help") == 0)
        argv[1] = (char[]){"--help"};
    /* The command is the first word that is not an option: `tgraph -C dir list` and `tgraph list -C dir` are one. */
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            break;
        if (options_take_next(argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            i++;
            continue;
        }
        if (argv[i][0] == '-' && argv[i][1])
            continue;
        const struct command *named = find_command(argv[i]);
        if (named) {
            c = named;
            memmove(argv + i, argv + i + 1, (size_t)(argc - i) * sizeof *argv);
            argc--;
        }
        break;
    }
    struct options o;
    if (!options_parse(c, argc - skip, argv + skip, &o)) {
        options_clear(&o);
        return EXIT_USAGE;
    }
    int status;
    if (o.help && c == &commands[0]) {
        print_usage(stdout);
        status = 0;
    } else if (o.help) {
        printf("usage: tgraph %s\n%s\n\n", c->usage, c->summary ? c->summary : c->help);
        options_print(c, stdout);
        status = 0;
    } else {
        status = c->run(&o);
    }
    options_clear(&o);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("tgraph: standard output could not be written\n", stderr);
        return status ? status : EXIT_USAGE;
    }
    return status;
}
