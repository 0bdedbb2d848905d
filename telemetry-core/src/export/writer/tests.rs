use std::sync::Condvar;

use super::*;

/// A writer that keeps what it gets and can be held up.
#[derive(Clone, Default)]
struct Pipe(Arc<PipeState>);

#[derive(Default)]
struct PipeState {
    text: Mutex<Vec<u8>>,
    stuck: Mutex<bool>,
    freed: Condvar,
}

impl Pipe {
    fn stuck() -> Self {
        let pipe = Self::default();
        *pipe.0.stuck.lock().unwrap() = true;
        pipe
    }

    fn free(&self) {
        *self.0.stuck.lock().unwrap() = false;
        self.0.freed.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.text.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stuck = self.0.stuck.lock().unwrap();
        while *stuck {
            stuck = self.0.freed.wait(stuck).unwrap();
        }
        self.0.text.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

fn spawn(writer: impl Write + Send + 'static, limits: WriterLimits) -> WriterThread {
    WriterThread::spawn("test-writer", Box::new(writer), limits).unwrap()
}

#[tokio::test]
async fn what_was_written_before_a_flush_is_there_after_it() {
    let pipe = Pipe::default();
    let writer = spawn(pipe.clone(), WriterLimits::default());
    writer.write(b"one ".to_vec()).unwrap();
    writer.write(b"two".to_vec()).unwrap();
    writer.flush(LONG).await.unwrap();
    assert_eq!(pipe.text(), "one two");
}

#[tokio::test]
async fn a_stuck_writer_refuses_past_the_bounds_and_holds_nobody_up() {
    let pipe = Pipe::stuck();
    let limits = WriterLimits {
        items: 100,
        bytes: 10,
    };
    let writer = spawn(pipe.clone(), limits);
    writer.write(b"123456".to_vec()).unwrap();
    let refused = writer.write(b"789012".to_vec());
    assert_eq!(
        refused,
        Err(WriteError::Full {
            text: b"789012".to_vec()
        })
    );
    assert_eq!(writer.refused(), 1);
    assert_eq!(writer.flush(SOON).await, Err(FlushError::Timeout));
    pipe.free();
    writer.flush(LONG).await.unwrap();
    writer.write(b"789012".to_vec()).unwrap();
    writer.flush(LONG).await.unwrap();
    assert_eq!(pipe.text(), "123456789012");
}

#[tokio::test]
async fn a_text_larger_than_the_bound_passes_when_nothing_waits() {
    let pipe = Pipe::default();
    let writer = spawn(pipe.clone(), WriterLimits { items: 1, bytes: 4 });
    writer.write(b"123456789".to_vec()).unwrap();
    writer.flush(LONG).await.unwrap();
    assert_eq!(pipe.text(), "123456789");
}

#[tokio::test]
async fn dropping_it_writes_what_waits() {
    let pipe = Pipe::stuck();
    let writer = spawn(pipe.clone(), WriterLimits::default());
    writer.write(b"last words".to_vec()).unwrap();
    drop(writer);
    pipe.free();
    while pipe.text().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(pipe.text(), "last words");
}

struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_closed_pipe_is_final_and_said_once() {
    let writer = spawn(Failing(io::ErrorKind::BrokenPipe), WriterLimits::default());
    writer.write(b"x".to_vec()).unwrap();
    assert_eq!(writer.flush(LONG).await, Err(FlushError::Gone));
    assert_eq!(writer.lost(), 1);
    assert!(matches!(
        writer.write(b"y".to_vec()),
        Err(WriteError::Gone { cause }) if cause.contains("pipe")
    ));
    assert!(writer.take_error().is_some());
    assert_eq!(writer.take_error(), None);
}

#[tokio::test]
async fn another_error_loses_one_text_and_the_thread_goes_on() {
    let writer = spawn(Failing(io::ErrorKind::StorageFull), WriterLimits::default());
    for _ in 0..3 {
        writer.write(b"x".to_vec()).unwrap();
        writer.flush(LONG).await.unwrap();
    }
    assert_eq!((writer.lost(), writer.refused()), (3, 0));
}

struct Panicking;

impl Write for Panicking {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("a writer that panics")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_panicking_writer_is_a_broken_writer() {
    let writer = spawn(Panicking, WriterLimits::default());
    writer.write(b"x".to_vec()).unwrap();
    assert_eq!(writer.flush(LONG).await, Err(FlushError::Gone));
    assert_eq!(writer.take_error().as_deref(), Some("the writer panicked"));
}

/// Is told when to fail.
struct FailingLater(std::sync::mpsc::Receiver<()>);

impl Write for FailingLater {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_is_gone_is_gone_however_much_had_waited() {
    let (fail, told) = std::sync::mpsc::channel();
    let limits = WriterLimits {
        items: 8,
        bytes: 10,
    };
    let writer = spawn(FailingLater(told), limits);
    for _ in 0..2 {
        writer.write(b"12345".to_vec()).unwrap();
    }
    assert!(matches!(
        writer.write(b"6".to_vec()),
        Err(WriteError::Full { .. })
    ));
    drop(fail);
    for _ in 0..2_000 {
        if let Err(WriteError::Gone { .. }) = writer.write(b"6".to_vec()) {
            assert_eq!(writer.lost(), 2);
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("a writer that is gone says that it does not keep up");
}
