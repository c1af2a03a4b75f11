import { closest } from '@posthorn/mta/closest'
import { dovecotParameters, postfixParameters } from './known-parameters.generated.ts'
import { parameters } from './schema/schema.ts'
import { adviceFor, isOfPatch, noAdvice } from './unused-advice.ts'

/** Any transport of master.cf gives these to main.cf: `slow_destination_rate_delay`. */
const transportSuffix =
  /^[a-z0-9-]+_(?:destination_(?:concurrency_(?:limit|failed_cohort_limit|negative_feedback|positive_feedback)|rate_delay|recipient_limit)|initial_destination_concurrency|transport_rate_delay|delivery_slot_(?:cost|discount|loan)|minimum_delivery_slots|extra_recipient_limit|recipient_limit|recipient_refill_(?:delay|limit)|time_limit|delivery_status_filter)$/

/** 'Postfix' or 'Dovecot' for a real parameter of theirs that we do not have. */
export function foreignOwner(name: string): 'Postfix' | 'Dovecot' | undefined {
  if (postfixParameters.has(name) || transportSuffix.test(name) || isOfPatch(name)) return 'Postfix'
  return dovecotParameters.has(name) ? 'Dovecot' : undefined
}

export function unusedText(name: string, owner: string): string {
  return `${name}: known to ${owner}, not used by Posthorn: ${adviceFor(name) ?? noAdvice}`
}

/** `unknown parameter "inet_interface"; did you mean "inet_interfaces"?` */
export function unknownText(name: string): string {
  const close =
    closest(name, [...parameters.keys()]) ?? closest(name, [...postfixParameters, ...dovecotParameters])
  return `unknown parameter "${name}"${close === undefined ? '' : `; did you mean "${close}"?`}`
}
