# SPDX-License-Identifier: MIT
"""The random changes, and how often each is made."""
from .files import (copy_a_file, delete, delete_folder, edit, edit_same_size, file_to_folder, folder_to_file,
                    from_link, line_ends, link_to_folder, mode, move_and_link, new_link, rename, rename_folder,
                    rewrite, set_back, swap, to_link, touch, write_ignored, write_new, write_outside)
from .gitside import change_submodule, gitattributes, gitignore, info_file, lose_lfs_object
from .index import (blind, force_add, from_revision, git_rm, index_mode, intend, racy, refresh, stage_all, stage_known,
                    stage_some, staged_and_edited, uncache, unstage)
from .testfiles import (add_target, add_testfile, change_module, change_target, change_testfile, mend, move_target,
                        remove_target, remove_testfile, rename_target)

AT_FIRST = [(write_new, 12), (mode, 5), (new_link, 6), (write_ignored, 7), (gitignore, 6), (gitattributes, 5)]
FILE_EDITS = [(write_new, 12), (edit, 14), (edit_same_size, 5), (line_ends, 5), (delete, 6), (delete_folder, 1.5),
              (rename, 5), (rename_folder, 3), (copy_a_file, 2), (mode, 5), (new_link, 6), (to_link, 2.5),
              (move_and_link, 2.5), (from_link, 3), (link_to_folder, 2.5), (file_to_folder, 2), (folder_to_file, 1),
              (swap, 2), (touch, 2), (set_back, 2), (rewrite, 2), (write_ignored, 7), (write_outside, 4),
              (gitignore, 6), (gitattributes, 5), (info_file, 2), (add_target, 5), (remove_target, 3),
              (rename_target, 3), (change_target, 8), (move_target, 2), (add_testfile, 3), (remove_testfile, 1.5),
              (change_testfile, 6), (change_module, 4), (change_submodule, 6), (lose_lfs_object, 1)]
INDEX_EDITS = [(stage_some, 8), (stage_all, 3), (stage_known, 2), (intend, 3), (uncache, 3), (git_rm, 3),
               (index_mode, 2), (unstage, 3), (force_add, 3), (blind, 1.5), (from_revision, 3), (racy, 5),
               (staged_and_edited, 4), (refresh, 2)]


def some_edits(w, n):
    """Of the work tree; then the Testfiles are written, mostly."""
    changes, weights = zip(*FILE_EDITS)
    done = 0
    for _ in range(n * 3):
        if done >= n:
            break
        text = w.r.choices(changes, weights)[0](w)
        if text:
            w.say(text)
            done += 1
    mend(w)
    if w.r.random() < 0.9:
        w.render()


def some_of(w, n, table):
    changes, weights = zip(*table)
    for _ in range(n):
        text = w.r.choices(changes, weights)[0](w)
        if text:
            w.say(text)
