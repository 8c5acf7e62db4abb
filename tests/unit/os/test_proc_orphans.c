/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "run_child.h"

static void no_orphans_are_no_names(void **state)
{
    (void)state;
    assert_null(proc_end_orphans());
    struct proc_result r;
    run_shell("exit 0", &r);
    proc_result_clear(&r);
    assert_null(proc_end_orphans());
    assert_no_children();
}

static void processes_that_left_their_group_are_named_and_ended(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    int hold;
    numbered_pipe(9, &hold); /* never written: the orphan waits for ever */
    /* The substitution ends when the orphan has told its number and closed its output. */
    shell_init(&s, "echo $(setsid sh -c 'echo $$; exec >/dev/null 2>&1; read x <&9' &)");
    s.envp[0] = "TGRAPH_TARGET=services/api:unit";
    s.spec.inherit_fds = (int[]){9};
    s.spec.n_inherit_fds = 1;
    proc_run(&s.spec, &r);
    assert_int_equal(r.exit_code, 0);
    assert_null(r.left_over);
    char *text = stream_text(&r.log, 1), want[128];
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    snprintf(want, sizeof want, "sh (%ld) services/api:unit", (long)pid);
    char *names = proc_end_orphans();
    assert_non_null(names);
    assert_string_equal(names, want);
    assert_int_equal(kill(pid, 0), -1);
    assert_no_children();
    mem_free(names);
    mem_free(text);
    proc_result_clear(&r);
    close(9);
    close(hold);
}

static void an_orphans_own_children_go_with_it(void **state)
{
    (void)state;
    struct shell s;
    struct proc_result r;
    int hold;
    numbered_pipe(9, &hold);
    shell_init(&s, "echo $(setsid sh -c 'exec 3>&1 >/dev/null 2>&1; (read x <&9) 3>&- & (read x <&9) 3>&- & "
                   "echo $$ >&3; exec 3>&-; wait' &)");
    s.spec.inherit_fds = (int[]){9};
    s.spec.n_inherit_fds = 1;
    proc_run(&s.spec, &r);
    assert_int_equal(r.exit_code, 0);
    proc_result_clear(&r);
    char *names = proc_end_orphans();
    assert_non_null(names);
    const char *at = names;
    for (int i = 0; i < 3; i++) {
        at = strchr(at, '(');
        assert_non_null(at);
        at++;
    }
    mem_free(names);
    assert_no_children();
    close(9);
    close(hold);
}

static void orphans_that_ended_are_collected_without_a_word(void **state)
{
    (void)state;
    struct proc_result r;
    run_shell("echo $(setsid sh -c 'exit 0' &)", &r);
    assert_int_equal(r.exit_code, 0);
    proc_result_clear(&r);
    char *names = proc_end_orphans(); /* NULL, or its name if it was still ending */
    mem_free(names);
    assert_no_children();
}

int main(void)
{
    proc_adopt_orphans();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_orphans_are_no_names),
        cmocka_unit_test(processes_that_left_their_group_are_named_and_ended),
        cmocka_unit_test(an_orphans_own_children_go_with_it),
        cmocka_unit_test(orphans_that_ended_are_collected_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
