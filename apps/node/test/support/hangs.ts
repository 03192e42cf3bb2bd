/**
 * Milliseconds after which a wait is taken for one that never ends. Some hundred times what any of them takes on an idle machine, so that a busy
 * one does not change the outcome; an end all the same, since an error that says what is open is worth more than a test that hangs.
 */
export const HANGS_AFTER_MS = 120_000;
