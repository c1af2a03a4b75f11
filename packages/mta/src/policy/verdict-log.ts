import type { Log } from '@posthorn/mail'
import { policyLogText, refusalText } from './reply-text.ts'
import type { Check } from './restriction.ts'
import type { Verdict } from './verdict.ts'

/**
 * The same check, which tells what it says of each client, sender or recipient: for who asks why mail came through.
 * `posthorn explain` shows it with the message. Only for log_level = debug: it is a line for each question.
 */
export const told =
  (name: string, check: Check, log: Log): Check =>
  (request, subject, depth) => {
    const tell = (verdict: Verdict): Verdict => {
      log({
        level: 'debug',
        service: 'smtpd',
        queueId: request.queueId === '' ? 'NOQUEUE' : request.queueId,
        text: policyLogText('restriction', request, `${name}: ${wordsOf(verdict)}`),
      })
      return verdict
    }
    const answer = check(request, subject, depth)
    return answer instanceof Promise ? answer.then(tell) : tell(answer)
  }

function wordsOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'dunno':
      return 'no opinion'
    case 'permit':
      return 'permitted'
    case 'refuse':
      return `refused, ${refusalText(verdict.refusal)}`
    case 'defer-if-permit':
    case 'defer-if-reject':
      return `${verdict.kind.replaceAll('-', '_')}, ${refusalText(verdict.refusal)}`
    case 'effect':
      return verdict.effect.kind
    case 'warn-next':
      return 'the next one only warns'
  }
}
