import type { MessageStore } from '@posthorn/storage'
import type { CheckedMail } from '../checks/index.ts'
import { ContentFilter } from '../checks/index.ts'
import { MilterContent } from '../milter/index.ts'
import type { SignatureCheck } from '../policy/index.ts'
import { type MessageIntake, openIntake } from './message-intake.ts'
import { proxiedIntake } from './proxied-intake.ts'
import type { ProxiedMail } from './proxied-mail.ts'
import { defaultMessageSizeLimitBytes, type ReceiveConfiguration } from './receive-options.ts'
import { ownHeader, type TracedMail, traceFields } from './smtp-trace.ts'

/** The message of a transaction while it comes in, and who reads along. */
export class MailContent {
  readonly intake: MessageIntake
  /** Present while filters may still change the message. */
  readonly filtered: MilterContent | undefined
  /** Present when only the message's signature may spare it the greylist. */
  readonly signature: SignatureCheck | undefined

  constructor(intake: MessageIntake, filtered?: MilterContent, signature?: SignatureCheck) {
    this.intake = intake
    this.filtered = filtered
    this.signature = signature
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const wait = this.intake.write(chunk)
    const read = this.signature?.write(chunk)
    return wait === undefined || read === undefined ? (wait ?? read) : wait.then(() => read)
  }

  async abort(): Promise<void> {
    this.signature?.abort()
    await this.intake.abort()
  }
}

export interface ContentReaders {
  readonly messages: Pick<MessageStore, 'stage'>
  /** What content checks may tell of the message. */
  readonly mail: () => CheckedMail
  readonly milters: 'asked' | 'none'
  readonly signature: SignatureCheck | undefined
}

/** For a message that we keep. Throws StoreError. */
export function openContent(traced: TracedMail, readers: ContentReaders): MailContent {
  const { contentChecks, options } = traced.configuration
  const filtered = readers.milters === 'none' ? undefined : new MilterContent()
  const intake = openIntake(readers.messages, {
    trace: traceFields(traced),
    filter: contentChecks && new ContentFilter(contentChecks, readers.mail()),
    content: filtered,
    sizeLimitBytes: options.messageSizeLimitBytes ?? defaultMessageSizeLimitBytes,
    own: ownHeader(traced),
    dropped: options.droppedFields,
    characters: options.characters,
  })
  return new MailContent(intake, filtered, readers.signature)
}

/** For a message that a filter before the queue keeps. Postfix: smtpd_proxy_filter. */
export function passedContent(proxied: ProxiedMail, { options }: ReceiveConfiguration): MailContent {
  return new MailContent(
    proxiedIntake(proxied, options.messageSizeLimitBytes ?? defaultMessageSizeLimitBytes),
  )
}
