/** What `check` found. `problems` is empty for a store whose index and segments agree. */
export interface CheckReport {
  readonly problems: readonly string[]
  readonly accounts: number
  readonly mailboxes: number
  readonly messages: number
  readonly blobs: number
  readonly queueEntries: number
  readonly segments: number
  readonly verifiedBytes: number
  /** Disk that is held for nothing, and what gives it back; no mail is concerned. */
  readonly notes?: readonly string[]
  /** Of a store in use; damaged ones are no problem. */
  readonly texts?: TextsReport
}

/** Folded texts kept for searching, and listings. */
export interface TextsReport {
  readonly messages: number
  readonly sizeBytes: number
  /** Not usable: made again, or searched in the message. */
  readonly damaged: number
}

export interface CompactReport {
  readonly segmentsRemoved: number
  readonly copiedBytes: number
  readonly freedBytes: number
}

export interface BackupReport {
  readonly segments: number
  readonly linked: number
  readonly sizeBytes: number
}

export interface RebuildReport {
  readonly mailboxes: number
  readonly messages: number
  readonly queueEntries: number
  /** Messages that nothing named and that went back where their frame says. */
  readonly redelivered: number
  /** What could not be recovered: messages whose octets are damaged or gone. */
  readonly lost: readonly string[]
  /** One line for each message that came back from its frame: where it is now. */
  readonly broughtBack: readonly string[]
  /** What nobody can know any more, and what was done about it. */
  readonly unknown: readonly string[]
}

/** For administrators; all may run beside normal work. */
export interface Maintenance {
  /** Index against segments, every counter, every checksum. */
  check(): Promise<CheckReport>
  /** Copies the living out of segments with much dead space and removes these. */
  compact(): Promise<CompactReport>
  /** A consistent, verified copy of the running store in a new folder. */
  backup(directory: string): Promise<BackupReport>
  /** Brings the journal and the index on disk up to date (at most a second behind otherwise). */
  flushJournal(): Promise<void>
  /**
   * Makes the folded texts that searches use for every message that has none, and drops those of messages that
   * are gone. It happens by itself, too, when there is time; one process of all does it, the others return.
   */
  makeTexts(): Promise<void>
}
