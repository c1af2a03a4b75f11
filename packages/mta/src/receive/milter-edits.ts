import { type CheckedMail, type ContentChecks, ContentFilter } from '../checks/index.ts'
import type { MilterEdits } from '../milter/index.ts'
import type { Effect, Refusal } from '../policy/index.ts'
import type { EnvelopeRecipient } from '../routing/index.ts'
import type { LookupTable } from '../tables/index.ts'

export interface EditedEnvelope {
  readonly sender: string
  readonly recipients: readonly EnvelopeRecipient[]
}

/** Collects what filters change of an envelope; milter_header_checks look at the fields they add. */
export class EnvelopeEdits implements MilterEdits {
  readonly maxBodyBytes: number
  sender: string
  recipients: EnvelopeRecipient[]
  readonly #complete: (address: string) => string
  readonly #filter: ContentFilter | undefined
  readonly #warn: (text: string) => void

  constructor(
    envelope: EditedEnvelope,
    options: {
      readonly maxBodyBytes: number
      readonly complete: (address: string) => string
      readonly headerChecks: readonly LookupTable[]
      readonly mail: CheckedMail
    },
  ) {
    this.sender = envelope.sender
    this.recipients = [...envelope.recipients]
    this.maxBodyBytes = options.maxBodyBytes
    this.#complete = options.complete
    const { headerChecks, mail } = options
    this.#filter = headerChecks.length === 0 ? undefined : new ContentFilter(checksOf(headerChecks), mail)
    this.#warn = (text) => mail.log({ level: 'warning', service: 'cleanup', queueId: mail.queueId, text })
  }

  /** What milter_header_checks want. */
  get effects(): readonly Effect[] {
    return this.#filter?.effects ?? []
  }
  get refusal(): Refusal | undefined {
    return this.#filter?.refusal
  }

  checkField(field: Buffer): Buffer | undefined {
    if (this.#filter === undefined) return field
    const checked = this.#filter.trace([field])
    return checked.length === 0 ? undefined : checked
  }

  setSender(address: string, parameters: string): void {
    const bare = withoutBrackets(address)
    if (bare === undefined) {
      this.#warn(
        `Milter request to change the sender to a bad address: ${JSON.stringify(address.slice(0, 100))}`,
      )
      return
    }
    if (parameters !== '') this.#warn(`ignoring ESMTP argument from Milter: "${parameters.slice(0, 100)}"`)
    this.sender = bare === '' ? '' : this.#complete(bare)
  }

  addRecipient(address: string, parameters: string): void {
    const bare = withoutBrackets(address)
    if (bare === undefined || bare === '') {
      this.#warn('ignoring attempt from Milter to add null recipient')
      return
    }
    this.recipients.push({ address: bare, ...this.#parametersOf(parameters) })
  }

  /** Every recipient of that address, as it came or completed. */
  deleteRecipient(address: string): void {
    const bare = withoutBrackets(address)
    if (bare === undefined) return
    const wanted = this.#complete(bare).toLowerCase()
    this.recipients = this.recipients.filter((one) => this.#complete(one.address).toLowerCase() !== wanted)
  }

  /** The verdict says so too. */
  quarantine(): void {}

  #parametersOf(text: string): Pick<EnvelopeRecipient, 'notify' | 'originalRecipient'> {
    const found: { notify?: EnvelopeRecipient['notify']; originalRecipient?: string } = {}
    for (const word of text.split(/\s+/)) {
      const [, name = '', value = ''] = /^([A-Za-z]+)=(.*)$/.exec(word) ?? []
      const words = value.toUpperCase().split(',')
      if (name.toUpperCase() === 'NOTIFY' && words.every(isNotify)) found.notify = words
      else if (name.toUpperCase() === 'ORCPT' && value.includes(';')) found.originalRecipient = value
      else if (word !== '') this.#warn(`ignoring ESMTP argument from Milter: "${word.slice(0, 100)}"`)
    }
    return found as Pick<EnvelopeRecipient, 'notify' | 'originalRecipient'>
  }
}

type Notify = NonNullable<EnvelopeRecipient['notify']>[number]
const isNotify = (word: string): word is Notify => /^(?:NEVER|SUCCESS|FAILURE|DELAY)$/.test(word)

function checksOf(tables: readonly LookupTable[]): ContentChecks {
  return { header: tables, mime: tables, nested: [], body: [], bodyLimitBytes: 0, headerLimitBytes: 102_400 }
}

/** `<a@b>` → `a@b`; undefined for what can be no address. */
function withoutBrackets(text: string): string | undefined {
  const trimmed = text.trim()
  const bare = trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : trimmed
  return /[\0-\x20\x7f<>]/.test(bare) || bare.length > 1_000 ? undefined : bare
}
