import { randomBytes } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** What goes before the message: see start/pickup.ts, who reads it. */
export interface MaildropEnvelope {
  readonly sender: string
  readonly recipients: readonly {
    readonly address: string
    readonly notify?: readonly string[] | undefined
    readonly originalRecipient?: string | undefined
  }[]
  readonly options: {
    readonly ret?: string
    readonly envid?: string
    readonly body?: string
    readonly trace?: string
  }
  /** sendmail -bv: nothing is sent, where it would go is told. */
  readonly verify?: 'only'
  /** sendmail -G. */
  readonly context?: 'remote'
  readonly verp?: 'default' | { readonly delimiters: string } | undefined
}

/** May this user leave mail there? */
export function mayDrop(maildrop: string): boolean {
  try {
    accessSync(maildrop, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Leaves a message for the server, which takes it now or when it starts. On the disk when this returns. Postfix: postdrop(1). */
export function dropMail(maildrop: string, envelope: MaildropEnvelope, message: Uint8Array): void {
  const name = randomBytes(16).toString('hex')
  const unfinished = join(maildrop, `${name}.tmp`)
  const file = openSync(unfinished, 'wx', 0o600)
  try {
    fill(file, envelope, message, unfinished)
    renameSync(unfinished, join(maildrop, name))
    syncName(file, maildrop)
  } finally {
    closeSync(file)
  }
}

function fill(file: number, envelope: MaildropEnvelope, message: Uint8Array, unfinished: string): void {
  try {
    // The server is another user. Nobody else knows the name, and the folder cannot be listed.
    fchmodSync(file, 0o644)
    writeSync(file, `${JSON.stringify(envelope)}\n`)
    for (let at = 0; at < message.length; ) at += writeSync(file, message, at)
    fsyncSync(file)
  } catch (error) {
    unlinkSync(unfinished)
    throw error
  }
}

/** The folder may not be listed by its users (mode 1733), and so not be opened: a sync of the file brings its new name along. */
function syncName(file: number, folder: string): void {
  let handle = file
  try {
    handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {}
  fsyncSync(handle)
  if (handle !== file) closeSync(handle)
}
