export { type ContentCheckOptions, type ContentChecks, createContentChecks } from './content-checks.ts'
export { type CheckedMail, ContentFilter } from './content-filter.ts'
export { type HeaderPlace, type MimeLimits, MimeUnits, type UnitReader } from './mime-units.ts'
