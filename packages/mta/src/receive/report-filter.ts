import type { StagedMessage } from '@posthorn/storage'
import { ContentFilter } from '../checks/index.ts'
import { MilterContent } from '../milter/index.ts'
import { openIntake } from './message-intake.ts'
import type { EditedEnvelope } from './milter-edits.ts'
import { filterSubmission } from './milter-submission.ts'
import type { SubmitSources } from './submit.ts'

/** `unchanged`: there is nothing to ask, or the report is refused, which would leave its reader without news. */
export type FilteredReport = StagedMessage | 'discarded' | 'unchanged'

/**
 * A report of our own on its way past header_checks, body_checks and non_smtpd_milters, which sign it. Postfix:
 * internal_mail_filter_classes.
 */
export async function filterReport(
  text: Uint8Array,
  envelope: EditedEnvelope & { readonly queueId: string },
  { store, log, configuration }: Pick<SubmitSources, 'store' | 'log' | 'configuration'>,
): Promise<FilteredReport> {
  const { queueId, sender, recipients } = envelope
  const { contentChecks, milters } = configuration()
  const filters = milters?.forSubmission()
  if (contentChecks === undefined && filters === undefined) return 'unchanged'
  const content = filters === undefined ? undefined : new MilterContent()
  const recipient = recipients[0]?.address ?? ''
  const about = { client: 'local', sender, recipient, protocol: '', helo: '' }
  const filter = contentChecks && new ContentFilter(contentChecks, { log, queueId, ...about })
  const intake = openIntake(store.messages, { trace: [], filter, content, own: undefined, sizeLimitBytes: 0 })
  let isKept = false
  try {
    await intake.write(text)
    const checked = await intake.checked()
    if (checked?.effects.some(({ kind }) => kind === 'discard') === true) return 'discarded'
    if (checked?.refusal !== undefined) return unfiltered('header_checks or body_checks')
    if (filters !== undefined && content !== undefined) {
      const { kind } = await filterSubmission(filters, content, envelope, { log, queueId, configuration })
      if (kind === 'discarded') return 'discarded'
      if (kind === 'refused') return unfiltered('non_smtpd_milters')
    }
    isKept = true
    return await intake.finish()
  } finally {
    if (!isKept) await intake.abort()
  }

  function unfiltered(who: string): 'unchanged' {
    log({
      level: 'warning',
      service: 'cleanup',
      queueId,
      text: `report refused by ${who}: sent as it was made`,
    })
    return 'unchanged'
  }
}
