import { namesIn } from './expand.ts'
import { parameters } from './schema/schema.ts'

/**
 * Names that count through the default of a parameter, older ones as a rule: `postscreen_blacklist_action`,
 * `fallback_relay`. Postfix: postconf(1) takes them for names of the site.
 */
export const namedByDefaults: ReadonlySet<string> = new Set(
  [...parameters.values()]
    .flatMap((one) => (one.raw ? [] : namesIn(one.default)))
    .filter((name) => !parameters.has(name)),
)
