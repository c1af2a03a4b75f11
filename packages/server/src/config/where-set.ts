import type { Config } from './config.ts'

/**
 * The place in main.cf of the setting that names a thing (a parameter, or a table or file in a value):
 * `/etc/posthorn/main.cf:12: transport_maps`, or the file alone when main.cf does not say it, as where it
 * comes from the environment or a default.
 */
export function whereSet(config: Config, thing: string): string {
  const entry =
    config.mainCf.entries.findLast(({ name }) => name === thing) ??
    config.mainCf.entries.findLast(
      ({ name, value }) => value.includes(thing) || filledIn(config, name).includes(thing),
    )
  if (entry === undefined) return config.file
  const at = `${config.file}:${entry.line}`
  return entry.name === thing ? at : `${at}: ${entry.name}`
}

function filledIn(config: Config, name: string): string {
  try {
    return config.text(name) ?? ''
  } catch {
    return ''
  }
}
