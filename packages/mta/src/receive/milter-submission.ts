import type { Log } from '@posthorn/mail'
import type { SmtpReply } from '@posthorn/smtp'
import type { MilterAnswer, MilterContent, SessionMilters } from '../milter/index.ts'
import { type EditedEnvelope, EnvelopeEdits } from './milter-edits.ts'
import type { ReceiveConfiguration } from './receive-options.ts'
import { replyOf } from './refusals.ts'

export type FilteredSubmission =
  | { readonly kind: 'taken'; readonly envelope: EditedEnvelope; readonly hold: 'held' | 'free' }
  | { readonly kind: 'discarded' }
  | { readonly kind: 'refused'; readonly reply: SmtpReply }

export interface SubmissionFilterSources {
  readonly log: Log
  readonly queueId: string
  readonly configuration: () => Pick<ReceiveConfiguration, 'options' | 'routing' | 'milters'>
}

/** non_smtpd_milters: the session that mail of the sendmail command did not have is played. Postfix: cleanup_milter_emul_…(). */
export async function filterSubmission(
  filters: SessionMilters,
  content: MilterContent,
  entered: EditedEnvelope,
  { log, queueId, configuration }: SubmissionFilterSources,
): Promise<FilteredSubmission> {
  const { options, routing, milters } = configuration()
  const edits = new EnvelopeEdits(entered, {
    maxBodyBytes: options.messageSizeLimitBytes || Number.POSITIVE_INFINITY,
    complete: routing.complete,
    headerChecks: milters?.headerChecks ?? [],
    mail: {
      log,
      queueId,
      client: 'local',
      sender: entered.sender,
      recipient: entered.recipients[0]?.address ?? '',
      protocol: '',
      helo: '',
      origin: 'milter',
    },
  })
  try {
    const answer = await play(filters, content, edits, { entered, queueId, host: options.myhostname })
    if (answer.kind === 'refuse' || answer.kind === 'discard') {
      const { kind } = answer
      const said =
        kind === 'refuse' ? `${answer.status} ${answer.lines.join(' ')}` : 'milter triggers DISCARD action'
      const action = kind === 'refuse' ? 'milter-reject' : 'milter-discard'
      const text = `${action}: END-OF-MESSAGE from localhost[127.0.0.1]: ${said}; from=<${entered.sender}>`
      log({ level: 'info', service: 'cleanup', queueId, text })
      return kind === 'discard' ? { kind: 'discarded' } : { kind: 'refused', reply: replyFrom(answer) }
    }
    if (edits.refusal !== undefined) return { kind: 'refused', reply: replyOf(edits.refusal) }
    if (edits.recipients.length === 0 || edits.effects.some(({ kind }) => kind === 'discard'))
      return { kind: 'discarded' }
    const held = answer.kind === 'hold' || edits.effects.some(({ kind }) => kind === 'hold')
    if (held) {
      const text = `milter-hold: END-OF-MESSAGE from localhost[127.0.0.1]: milter triggers HOLD action; from=<${entered.sender}>`
      log({ level: 'info', service: 'cleanup', queueId, text })
    }
    return { kind: 'taken', envelope: edits, hold: held ? 'held' : 'free' }
  } finally {
    filters.quit()
  }
}

function replyFrom(answer: Extract<MilterAnswer, { readonly kind: 'refuse' }>): SmtpReply {
  return {
    code: answer.code,
    status: answer.status,
    text: answer.lines.length === 1 ? (answer.lines[0] ?? '') : answer.lines,
  }
}

async function play(
  filters: SessionMilters,
  content: MilterContent,
  edits: EnvelopeEdits,
  {
    entered,
    queueId,
    host,
  }: { readonly entered: EditedEnvelope; readonly queueId: string; readonly host: string },
): Promise<MilterAnswer> {
  const facts = {
    i: queueId,
    _: 'localhost [127.0.0.1]',
    client_addr: '127.0.0.1',
    client_name: 'localhost',
    client_ptr: 'localhost',
    client_port: '0',
    client_connections: '0',
    mail_addr: entered.sender,
  }
  const steps: (() => Promise<MilterAnswer>)[] = [
    () => filters.connect({ name: 'localhost', address: '127.0.0.1', port: 0 }, facts),
    () => filters.helo(host, facts),
    () => filters.mail(entered.sender, [], facts),
    ...entered.recipients.map(
      ({ address }) =>
        () =>
          filters.rcpt(address, [], { ...facts, rcpt_addr: address }),
    ),
    () => filters.data(facts),
    () => filters.message(content, edits, facts),
  ]
  let held: MilterAnswer | undefined
  for (const step of steps) {
    const answer = await step()
    if (answer.kind === 'refuse' || answer.kind === 'discard') return answer
    if (answer.kind === 'hold') held = answer
  }
  return held ?? { kind: 'go-on' }
}
