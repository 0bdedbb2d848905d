-- ARGV: the holder.
local record = live(scope)
if not record or not record.holds[ARGV[5]] then return 'nothing' end
record.holds[ARGV[5]] = nil
local held = save(scope, record)
tell()
return held and 'held' or 'closed'
