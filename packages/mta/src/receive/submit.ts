import { type Log, localReceivedField } from '@posthorn/mail'
import type { SmtpReply } from '@posthorn/smtp'
import type { EnvelopeOptions, QueueId, Store } from '@posthorn/storage'
import { ContentFilter } from '../checks/index.ts'
import { MilterContent } from '../milter/index.ts'
import type { DirectDelivery } from '../queue/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import { acceptMessage } from './accept-message.ts'
import { filterAfter, recipientsAfter } from './envelope-effects.ts'
import { createLineEnds } from './line-ends.ts'
import { type MessageIntake, openIntake } from './message-intake.ts'
import type { EditedEnvelope } from './milter-edits.ts'
import { filterSubmission } from './milter-submission.ts'
import {
  defaultHopcountLimit,
  defaultMessageSizeLimitBytes,
  type ReceiveConfiguration,
} from './receive-options.ts'
import { faultReply, forbiddenCharacter, reply, replyOf, tooLarge, tooManyHops } from './refusals.ts'
import { type SmtpVerp, verpOf, verpRefusal } from './verp.ts'

export interface Submission {
  /** As given to `-f`, or the user's name; '' for the null reverse-path. Completed with myorigin. */
  readonly sender: string
  readonly recipients: readonly EnvelopeRecipient[]
  /** Line ends LF or CRLF. */
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly userid: number | string
  readonly options?: EnvelopeOptions
  /** `sendmail -XV`. */
  readonly verp?: SmtpVerp
  /** Passed on for somebody else: `sendmail -G`. */
  readonly context?: 'remote'
  /** Of our own making: past checks of content and milters. Postfix: internal_mail_filter_classes. */
  readonly isUnfiltered?: boolean
}

export interface SubmitSources {
  readonly store: Pick<Store, 'queue' | 'messages'>
  readonly log: Log
  readonly now: () => number
  /** What may leave at once; without it everything waits in the queue. */
  readonly direct?: DirectDelivery
  readonly configuration: () => Pick<
    ReceiveConfiguration,
    'options' | 'routing' | 'contentChecks' | 'milters' | 'statusFilterFor'
  >
}

/**
 * Mail from the sendmail command: no session, no restrictions, the same way into the store. Postfix:
 * pickup(8). A 250 is durable; anything else means that nothing was kept.
 */
export async function submit(
  submission: Submission,
  sources: SubmitSources,
): Promise<SmtpReply & { readonly queueId: string }> {
  const configuration = sources.configuration()
  const { options, routing } = configuration
  const { store, log, now } = sources
  const arrivedMs = now()
  const queueId = store.queue.newId(arrivedMs)
  if (submission.recipients.length === 0) {
    return { ...reply(554, '5.5.1', 'Error: no recipients'), queueId }
  }
  const sender = routing.complete(submission.sender)
  const wrong = verpRefusal({ address: submission.sender, verp: submission.verp }, options)
  if (wrong !== undefined) return { ...wrong, queueId }
  log({
    level: 'info',
    service: 'pickup',
    queueId,
    text: `uid=${submission.userid} from=<${submission.sender}>`,
  })
  const filters = filtersOf(submission, sources)
  const content = filters === undefined ? undefined : new MilterContent()
  const intake = openSubmission(submission, sources, { queueId, sender, arrivedMs, content })
  let finished = false
  try {
    const lineEnds = createLineEnds()
    for await (const chunk of submission.content) {
      await intake.write(lineEnds(chunk))
      if (intake.tooLarge) break
    }
    const refused = intake.tooLarge
      ? tooLarge
      : intake.forbidden === true
        ? forbiddenCharacter
        : intake.facts.hops > (options.hopcountLimit ?? defaultHopcountLimit)
          ? tooManyHops
          : undefined
    const checked = refused === undefined ? await intake.checked() : undefined
    const effects = checked?.effects ?? []
    if (checked?.refusal !== undefined || effects.some(({ kind }) => kind === 'discard')) {
      await intake.abort()
      const answer = checked?.refusal === undefined ? queued(queueId) : replyOf(checked.refusal)
      return { ...answer, queueId }
    }
    if (refused !== undefined) {
      await intake.abort()
      return { ...refused, queueId }
    }
    let envelope: EditedEnvelope = { sender, recipients: submission.recipients }
    let held = effects.some(({ kind }) => kind === 'hold')
    if (filters !== undefined && content !== undefined) {
      const filtered = await filterSubmission(filters, content, envelope, { ...sources, queueId })
      if (filtered.kind !== 'taken') {
        await intake.abort()
        return { ...(filtered.kind === 'refused' ? filtered.reply : queued(queueId)), queueId }
      }
      envelope = filtered.envelope
      held ||= filtered.hold === 'held'
    }
    const message = await intake.finish()
    finished = true
    const received = {
      queueId,
      sender: envelope.sender,
      recipients: recipientsAfter(effects, envelope.recipients),
      options: submission.options ?? {},
      origin: thisMachine,
      arrivedMs,
      hold: held ? ('held' as const) : ('free' as const),
      facts: intake.facts,
      verp: verpOf(submission.verp, options),
      filter: filterAfter(effects, options),
    }
    return { ...(await acceptMessage(received, message, acceptSources(sources, configuration))), queueId }
  } catch (error) {
    log({ level: 'error', service: 'pickup', queueId, text: 'cannot store message', error })
    if (!finished) await intake.abort().catch(() => {})
    return { ...faultReply(error), queueId }
  }
}

const thisMachine = {
  clientName: 'localhost',
  clientAddress: '127.0.0.1',
  helo: '',
  protocol: '',
  source: 'local' as const,
}

const acceptSources = (
  sources: SubmitSources,
  { options, routing, statusFilterFor }: ReturnType<SubmitSources['configuration']>,
) => ({ ...sources, routing, statusFilterFor, delayDigits: options.delayDigits })

const filtersOf = ({ isUnfiltered }: Submission, { configuration }: SubmitSources) =>
  isUnfiltered === true ? undefined : configuration().milters?.forSubmission()

function openSubmission(
  submission: Submission,
  { store, log, configuration }: SubmitSources,
  at: {
    readonly queueId: QueueId
    readonly sender: string
    readonly arrivedMs: number
    readonly content: MilterContent | undefined
  },
): MessageIntake {
  const { options, routing, contentChecks } = configuration()
  const offsetMinutes = options.offsetMinutes?.() ?? 0
  const rewrites = submission.context === 'remote' ? routing.remoteHeaderRewrites : routing.headerRewrites
  return openIntake(store.messages, {
    trace: [
      localReceivedField({
        host: options.myhostname,
        userid: submission.userid,
        queueId: at.queueId,
        nowMs: at.arrivedMs,
        offsetMinutes,
      }),
    ],
    filter:
      contentChecks === undefined || submission.isUnfiltered === true
        ? undefined
        : new ContentFilter(contentChecks, {
            log,
            queueId: at.queueId,
            client: 'local',
            sender: at.sender,
            recipient: submission.recipients.at(-1)?.address ?? '',
            protocol: '',
            helo: '',
          }),
    content: at.content,
    sizeLimitBytes: options.messageSizeLimitBytes ?? defaultMessageSizeLimitBytes,
    own:
      rewrites === undefined
        ? undefined
        : {
            myhostname: options.myhostname,
            queueId: at.queueId,
            sender: () => routing.canonicalSender(at.sender),
            nowMs: at.arrivedMs,
            offsetMinutes,
            rewrites,
            undisclosed: options.undisclosedRecipients,
          },
    dropped: options.droppedFields,
    characters: options.characters,
  })
}

const queued = (queueId: string): SmtpReply => reply(250, '2.0.0', `Ok: queued as ${queueId}`)
