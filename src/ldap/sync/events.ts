/** Why a stored checkpoint, or the cookie in it, is not resumed from, so that everything is read anew. */
export type ResetReason =
  /** The text is not a checkpoint of this package, or was changed or cut. */
  | "damaged"
  /** The checkpoint was made by another version, and has another form. */
  | "version"
  /** The checkpoint is of a server of another kind. */
  | "dialect"
  /** The checkpoint is of another directory: the base is not the entry that it was. */
  | "server"
  /** The base, the filter, the attributes, the profile or the bind DN has changed since. */
  | "content"
  /** The directory answered e-syncRefreshRequired: it does not know any more what changed since (RFC 4533 §2.6). */
  | "refreshRequired"
  /**
   * The directory seems to have ignored the cookie and to have sent all that exists as if it were what changed. Only in
   * the mode `refreshOnly`: a stream that goes on looks at what exists instead.
   */
  | "ignored"
  /**
   * The directory has several servers that take writes, and may not have sent all that was deleted. Only in the mode
   * `refreshOnly`, and only where something has changed: a stream that goes on looks at what exists instead.
   */
  | "severalServers"
  /**
   * The directory was started since, and one that was killed may not send all that was deleted shortly before. Only in
   * the mode `refreshOnly`, and only where something has changed: a stream that goes on looks at what exists instead.
   */
  | "serverRestarted"
  /** The checkpoint is of another domain controller of Active Directory, to which its numbers mean nothing. */
  | "controller"
  /** The directory was set back to an earlier state, such as that of a backup, by its own numbers. */
  | "setBack"
  /** The change log of the directory, by which it resumes, does not have the changes of the content. */
  | "unlogged"
  /** The directory would not resume (unwillingToPerform): mostly since it was set back to an earlier state. */
  | "refused";

/** What a reader reports of its work. */
export type ReaderStep =
  /** A refresh begins: from a cookie, or of everything. */
  | { readonly event: "refreshing"; readonly resumed: boolean }
  /** A refresh has ended. Whether it sent all that exists, so that the rest is swept. */
  | { readonly event: "refreshed"; readonly resumed: boolean; readonly swept: boolean }
  /** The server does not say when there are changes, for this reason, so that it is only asked from time to time. */
  | { readonly event: "polling"; readonly error: unknown }
  /** A check beside the changes has ended: the second pass, or a look at all names, all groups, or some entries. */
  | {
      readonly event: "checked";
      readonly check: "secondPass" | "names" | "groups" | "below" | "entries";
      readonly swept: boolean;
    };
