local was = live(scope)
forget(scope)
if not was then return 0 end
tell()
return 1
