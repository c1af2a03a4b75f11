/**
 * Takes mail that users of this machine have left in the maildrop. Who left it is who owns the file: the
 * system says so, nobody has to be believed. Postfix: pickup(8).
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { lstat, mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@posthorn/mail'
import type { Submission } from '@posthorn/mta'
import type { SmtpReply } from '@posthorn/smtp'
import { isAlive, ownIdentity } from '@posthorn/storage'
import { errorCode } from '../start-error.ts'
import {
  type MaildropEnvelope,
  type MaildropMail,
  maildropName,
  maxEnvelopeBytes,
  readEnvelope,
} from './maildrop-envelope.ts'
import type { RefusedMail, ReturnedMail } from './returned-mail.ts'

export interface PickupParts {
  readonly maildrop: string
  /** Where a message is while it is taken: on the maildrop's file system, out of its owner's reach. */
  readonly taking: string
  readonly submit: (submission: Submission) => Promise<SmtpReply>
  /** What would become of mail to each address: the text of a mail. */
  readonly verificationReport: (addresses: readonly string[], sender: string) => Promise<string>
  /** The report for mail that was refused; undefined: nobody is to be told. */
  readonly returnedMail: (mail: RefusedMail) => ReturnedMail | undefined
  readonly returnedBytes: () => number
  /** The class `bounce` of internal_mail_filter_classes. */
  readonly filtersReports: () => boolean
  /** authorized_submit_users. */
  readonly admits: (uid: number) => boolean
  /** local_login_sender_maps. */
  readonly maySendAs: (uid: number, sender: string) => boolean
  readonly messageSizeLimitBytes: () => number
  readonly log: Log
}

export interface Pickup {
  /** Takes what is there; at most one at a time in this process. */
  run(): Promise<void>
  close(): Promise<void>
}

const everyMs = 60_000
/** Addresses of one question. */
const maxVerified = 1_000

export function createPickup(parts: PickupParts): Pickup {
  let running: Promise<void> | undefined
  let again = false
  let closed = false
  const run = async (): Promise<void> => {
    if (running !== undefined) {
      again = true
      return await running
    }
    running = (async () => {
      do {
        again = false
        await takeAll(parts, () => closed)
      } while (again && !closed)
    })().finally(() => {
      running = undefined
    })
    return await running
  }
  const timer = setInterval(() => void run(), everyMs)
  timer.unref()
  return {
    run,
    close: async () => {
      closed = true
      clearInterval(timer)
      await running
    },
  }
}

async function takeAll(parts: PickupParts, stopped: () => boolean): Promise<void> {
  const { maildrop, taking, log } = parts
  try {
    await mkdir(taking, { recursive: true, mode: 0o700 })
    // What a crash has left half taken.
    for (const name of await namesIn(taking)) {
      const [message = '', pid, startTicks, boot = ''] = name.split('.')
      const taker = { pid: Number(pid), startTicks: Number(startTicks), boot }
      if (!isAlive(taker)) await rename(join(taking, name), join(maildrop, message)).catch(() => {})
    }
    for (const name of await namesIn(maildrop)) {
      if (stopped()) return
      if (maildropName.test(name)) await takeOne(parts, name)
    }
  } catch (error) {
    log({ level: 'error', service: 'pickup', text: `cannot read ${maildrop}`, error })
  }
}

const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).toSorted()

/** Of this process alone, also where the one before it had its pid: in a container, after a restart. */
function ownMark(): string {
  const { pid, startTicks, boot } = ownIdentity()
  return `${pid}.${startTicks}.${boot}`
}

/** Nothing is wrong with the file. */
const outOfMeans: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'ENOSPC', 'EROFS'])

async function takeOne(parts: PickupParts, name: string): Promise<void> {
  const { maildrop, taking, log } = parts
  const place = join(taking, `${name}.${ownMark()}`)
  const warn = (text: string) => log({ level: 'warning', service: 'pickup', text: `${name}: ${text}` })
  try {
    if ((await lstat(join(maildrop, name))).isDirectory()) return
    // Several processes look: the one that moves it has it.
    await rename(join(maildrop, name), place)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') warn(`cannot be taken: ${errorCode(error)}`)
    return
  }
  const putBack = () => rename(place, join(maildrop, name))
  try {
    const outcome = await submitFile(parts, name, place)
    if (outcome === 'later') return await putBack()
    if (outcome !== 'taken') warn(`not accepted: ${outcome}`)
    await unlink(place)
  } catch (error) {
    log({ level: 'error', service: 'pickup', text: `${name}: cannot be taken`, error })
    if (outOfMeans.has(errorCode(error)) || !(await isThrownAway(place))) await putBack().catch(() => {})
  }
}

/**
 * One name, never what is in a folder: while that is emptied, its owner could put links in the place of folders in it, and
 * have files removed that are not his.
 */
const isThrownAway = (place: string): Promise<boolean> =>
  unlink(place)
    .catch(() => rmdir(place))
    .then(
      () => true,
      () => false,
    )

/** 'later': stays where it is; any other text is why it was thrown away. */
async function submitFile(parts: PickupParts, name: string, place: string): Promise<string> {
  const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(fd)
    const wrong = unsafe(stats, parts)
    if (wrong !== undefined) return wrong
    const envelope = readEnvelope(fd)
    if (envelope === undefined) return 'the envelope cannot be read'
    if (!parts.admits(stats.uid)) return `uid ${stats.uid} may not submit mail (authorized_submit_users)`
    const { sender } = envelope.submission
    if (!parts.maySendAs(stats.uid, sender))
      return `uid ${stats.uid} may not send as <${sender}> (local_login_sender_maps)`
    try {
      return await handOver(parts, envelope, { name, fd, stats })
    } catch (error) {
      // The user's command has said that the mail is taken.
      parts.log({ level: 'error', service: 'pickup', text: 'mail is left in the maildrop for now', error })
      return 'later'
    }
  } finally {
    closeSync(fd)
  }
}

interface OpenFile {
  readonly name: string
  readonly fd: number
  readonly stats: Stats
}

async function handOver(
  parts: PickupParts,
  { submission, lengthBytes }: MaildropEnvelope,
  { name, fd, stats }: OpenFile,
): Promise<string> {
  const userid = stats.uid
  if (submission.verify === 'only') return await verified(parts, submission, userid)
  const content = createReadStream('', { fd, autoClose: false, start: lengthBytes })
  const answer = await parts.submit({ ...submission, content, userid })
  if (answer.code < 500) return answer.code < 400 ? 'taken' : 'later'
  const original = Buffer.alloc(Math.min(stats.size - lengthBytes, parts.returnedBytes()))
  const length = readSync(fd, original, 0, original.length, lengthBytes)
  return await returned(parts, submission, {
    name,
    status: answer.status ?? '5.0.0',
    reason: [answer.text].flat().join(' '),
    original: original.subarray(0, length),
    stats,
  })
}

function unsafe(stats: Stats, { messageSizeLimitBytes }: PickupParts): string | undefined {
  if (!stats.isFile()) return 'not a regular file'
  // A hard link would make somebody's own file into mail.
  if (stats.nlink !== 1) return 'the file has another name too'
  const limitBytes = messageSizeLimitBytes()
  if (limitBytes > 0 && stats.size > limitBytes + maxEnvelopeBytes) return 'larger than message_size_limit'
  return undefined
}

/** sendmail -bv: the answer comes by mail. */
async function verified(
  parts: PickupParts,
  { sender, recipients }: MaildropMail,
  userid: number,
): Promise<string> {
  const addresses = recipients.slice(0, maxVerified).map(({ address }) => address)
  const report = await parts.verificationReport(addresses, sender)
  const told = await parts.submit({
    sender: '',
    recipients: [{ address: sender === '' ? 'postmaster' : sender }],
    content: [Buffer.from(report)],
    userid,
  })
  if (told.code >= 400 && told.code < 500) return 'later'
  return told.code < 400 ? 'taken' : [told.text].flat().join(' ')
}

/** The user's command has ended long ago: what is refused comes back by mail, without the text where that is refused, too. */
async function returned(
  parts: PickupParts,
  submission: MaildropMail,
  {
    stats,
    ...refusal
  }: Pick<RefusedMail, 'name' | 'status' | 'reason' | 'original'> & { readonly stats: Stats },
): Promise<string> {
  const { sender } = submission
  const { reason } = refusal
  const headerAlone = { ...submission, options: { ...submission.options, ret: 'HDRS' as const } }
  for (const { options, recipients } of [submission, headerAlone]) {
    const mail = { sender, recipients, options: options ?? {}, ...refusal, arrivedMs: stats.mtimeMs }
    const report = parts.returnedMail(mail)
    if (report === undefined) return reason
    const told = await parts.submit({
      sender: report.sender,
      recipients: [{ address: report.recipient }],
      content: [report.text],
      userid: stats.uid,
      isUnfiltered: !parts.filtersReports(),
    })
    if (told.code < 400) return `${reason}; ${sender === '' ? 'postmaster' : 'its sender'} is told`
    if (told.code < 500) return 'later'
  }
  return reason
}
