;;; eglot.el --- Emacs with eglot as a client  -*- lexical-binding: t -*-

;; $PIDONE is the server, the working folder a copy of project/.

(require 'package)
(package-initialize)
(require 'eglot)
(require 'flymake)
(require 'sh-script)

(define-derived-mode dockerfile-mode prog-mode "Dockerfile")
(add-to-list 'auto-mode-alist '("Dockerfile\\'" . dockerfile-mode))
(setq eglot-confirm-server-initiated-edits nil
      eglot-sync-connect t
      eglot-events-buffer-size 0
      vc-handled-backends '(Git)
      make-backup-files nil
      create-lockfiles nil
      last-nonmenu-event 'return)
(add-to-list 'eglot-server-programs
             `((dockerfile-mode sh-mode) . (,(getenv "PIDONE") "server")))

(defun found (buffer)
  "The diagnostics of BUFFER, as `line rule'."
  (with-current-buffer buffer
    (sort (mapcar (lambda (diagnostic)
                    (let ((text (flymake-diagnostic-text diagnostic)))
                      (format "%d %s"
                              (line-number-at-pos (flymake-diagnostic-beg diagnostic))
                              (if (string-match "\\[\\([a-z-]+\\)\\]" text) (match-string 1 text) text))))
                  (flymake-diagnostics))
          #'string<)))

(defun wait-for (what holds last)
  "Wait until HOLDS; say WHAT, or LAST if it never does."
  (let ((until (+ (float-time) 30)))
    (while (not (funcall holds))
      (when (> (float-time) until)
        (message "failed: %s: %S" what (funcall last))
        (kill-emacs 1))
      (accept-process-output nil 0.05)
      (sit-for 0.01)))
  (message "ok: %s" what))

(defvar docker (find-file-noselect "Dockerfile"))
(defvar script (find-file-noselect "start.sh"))

(defun expect (what in-docker in-script)
  (let ((now (lambda () (list (found docker) (found script)))))
    (wait-for what (lambda () (equal (funcall now) (list in-docker in-script))) now)))

(defun line (buffer number)
  (with-current-buffer buffer
    (save-excursion
      (goto-char (point-min))
      (forward-line (1- number))
      (buffer-substring-no-properties (point) (line-end-position)))))

(defun set-line (buffer number text)
  (with-current-buffer buffer
    (goto-char (point-min))
    (forward-line (1- number))
    (delete-region (point) (line-end-position))
    (insert text)
    ;; What the user's next pause would do.
    (eglot--signal-textDocument/didChange)))

(defun fix (buffer number)
  "Apply the preferred quick fix at line NUMBER of BUFFER."
  (with-current-buffer buffer
    (goto-char (point-min))
    (forward-line (1- number))
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_prompt _choices &optional _predicate _match _initial _history default &rest _)
                 default)))
      (eglot-code-actions (point) (line-end-position) "quickfix" t))
    (dolist (changed (list docker script))
      (with-current-buffer changed (eglot--signal-textDocument/didChange)))))

(dolist (buffer (list docker script))
  (with-current-buffer buffer
    (eglot-ensure)
    (unless (eglot-managed-p)
      (apply #'eglot (eglot--guess-contact)))
    (flymake-mode 1)
    (flymake-start)))

(expect "both files have their diagnostics" '("2 shell-form") '("3 missing-exec"))

(set-line script 3 "exec \"$@\"")
(expect "the Dockerfile follows the script" '("2 shell-form" "7 shell-wrapper") nil)

(set-line script 3 "\"$@\"")
(expect "and back" '("2 shell-form") '("3 missing-exec"))

(fix script 3)
(let ((now (lambda () (list (line docker 7) (line script 3)))))
  (wait-for "a repair changes both files"
            (lambda () (equal (funcall now) '("CMD [\"sh\", \"-c\", \"exec node server.js\"]" "exec \"$@\"")))
            now))

(fix docker 2)
(let ((now (lambda () (line docker 2))))
  (wait-for "a repair changes the Dockerfile"
            (lambda () (equal (funcall now) "CMD [\"node\", \"worker.js\"]"))
            now))
(expect "nothing is left" nil nil)
(set-buffer-modified-p nil)
(kill-emacs 0)
;;; eglot.el ends here
