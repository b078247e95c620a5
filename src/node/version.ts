/** The version, told by `circuit version` and by `peek` of a server. */
export const VERSION = '0.1.0'
