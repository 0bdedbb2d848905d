//! The events of a file.

use telemetry_slo::Counts;

/// Events at one second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) at: u64,
    pub(crate) counts: Counts,
}

/// Reads `timestamp_s,good,total`, one a line after the header, in the order of time.
pub(crate) fn parse(text: &str) -> Result<Vec<Row>, String> {
    let lines = (1..).zip(text.lines()).skip(1);
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let mut rows = lines.map(row).collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| row.at);
    Ok(rows)
}

fn row((number, line): (usize, &str)) -> Result<Row, String> {
    let wrong =
        |what: &str| format!("line {number}: {what}: {line:?}; a line is timestamp_s,good,total");
    let numbers = line.split(',').map(|field| field.trim().parse());
    let numbers: Vec<u64> = numbers
        .collect::<Result<_, _>>()
        .map_err(|_| wrong("not three whole numbers"))?;
    let &[at, good, total] = &*numbers else {
        return Err(wrong("not three numbers"));
    };
    let bad = total
        .checked_sub(good)
        .ok_or_else(|| wrong("more good events than events"))?;
    Ok(Row {
        at,
        counts: Counts::new(good, bad),
    })
}
